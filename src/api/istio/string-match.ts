/** Exactly one of the three; `regex` is RE2 and matches the whole text. */
export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}
