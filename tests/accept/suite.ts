/** One acceptance case. `run` throws when the result differs from what is expected. */
export interface AcceptCase {
  readonly name: string;
  /** Why this input is out of scope: a rule about the input, never about the case's name. */
  readonly skip?: string;
  readonly run: () => void | Promise<void>;
}

/** Reads the cases of one folder of the acceptance data. */
export type AcceptSuite = (folder: string) => Promise<readonly AcceptCase[]>;
