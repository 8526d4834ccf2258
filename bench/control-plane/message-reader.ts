/** gRPC's five bytes before a message. */
const headerLength = 5;

/** One for all readers: a message is gone when its reader returns. Half a gigabyte of copies for the collector would slow the clock. */
let scratch = Buffer.alloc(1024 * 1024);

/** Cuts a byte stream into gRPC messages. What `onMessage` gets is only good until it returns. */
export function createMessageReader(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let size = 0;

  /** The first `length` bytes, if they are there. */
  function peek(length: number): Buffer | undefined {
    if (size < length) return undefined;
    const [first] = chunks;
    if (first && first.length >= length) return first.subarray(0, length);
    if (scratch.length < length) scratch = Buffer.alloc(2 * length);
    let filled = 0;
    for (const chunk of chunks) {
      filled += chunk.copy(scratch, filled, 0, length - filled);
      if (filled === length) break;
    }
    return scratch.subarray(0, length);
  }

  function drop(length: number): void {
    size -= length;
    let rest = length;
    const kept = chunks.findIndex((chunk) => {
      if (chunk.length > rest) return true;
      rest -= chunk.length;
      return false;
    });
    chunks = kept === -1 ? [] : chunks.slice(kept);
    if (chunks[0]) chunks[0] = chunks[0].subarray(rest);
  }

  return (chunk) => {
    chunks.push(chunk);
    size += chunk.length;
    for (;;) {
      const length = peek(headerLength)?.readUInt32BE(1);
      const frame = length === undefined ? undefined : peek(headerLength + length);
      if (frame === undefined) return;
      onMessage(frame.subarray(headerLength));
      drop(frame.length);
    }
  };
}
