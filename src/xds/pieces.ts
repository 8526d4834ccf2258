/** Bytes; a write for each shorter piece would cost more than the copy. */
const longPiece = 16 * 1024;

/** Long pieces stay as they are, runs of short ones are joined. */
export function joinSmall(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  const joined: Uint8Array[] = [];
  let run: Uint8Array[] = [];
  const flush = (): void => {
    const [only] = run;
    if (only) joined.push(run.length === 1 ? only : Buffer.concat(run));
    run = [];
  };
  for (const piece of pieces) {
    if (piece.length < longPiece) {
      run.push(piece);
      continue;
    }
    flush();
    joined.push(piece);
  }
  flush();
  return joined;
}
