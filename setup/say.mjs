/** A failure with what the user can do about it; its message is all that is shown. */
export class SetupError extends Error {}

/**
 * Shows a step while it goes on and how long it took; a step that has nothing to do says nothing.
 * @template T
 * @param {string} name
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(name, work) {
  const started = Date.now();
  process.stderr.write(` … ${name}\n`);
  const result = await work();
  process.stderr.write(` ✓ ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`);
  return result;
}
