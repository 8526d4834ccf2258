/** A patch that can't be used. `code`: 400 the patch itself is malformed, 413 too long, 422 it does not fit the object. */
export class PatchError extends Error {
  override readonly name = "PatchError";
  readonly code: 400 | 413 | 422;
  constructor(code: 400 | 413 | 422, message: string) {
    super(message);
    this.code = code;
  }
}
