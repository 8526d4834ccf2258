/** One row of a table: the fields of an upstream test's struct. */
export type Row = Readonly<Record<string, unknown>>;

/** Throws when a function's result isn't the row's. */
export type RowCheck = (row: Row) => void;

/** Upstream tests of functions that have no counterpart, and why. */
export const skippedTests: Readonly<Record<string, string>> = {
  TestString: "labels are never printed as one text",
};
