import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AcceptCase } from "./suite.ts";
import { hostRows } from "./tables/hosts.ts";
import { identityRows } from "./tables/identities.ts";
import { labelRows } from "./tables/labels.ts";
import { mergeRows } from "./tables/merges.ts";
import { protocolRows } from "./tables/protocols.ts";
import { routeRows } from "./tables/routes.ts";
import { type Row, type RowCheck, skippedTests } from "./tables/row.ts";

interface TableFile {
  readonly tests: readonly { readonly test: string; readonly cases: readonly Row[] }[];
}

const checks: Readonly<Record<string, RowCheck>> = {
  ...hostRows,
  ...identityRows,
  ...labelRows,
  ...mergeRows,
  ...protocolRows,
  ...routeRows,
};

/** Small functions, row by row. */
export default async function tables(folder: string): Promise<readonly AcceptCase[]> {
  return readdirSync(folder).flatMap((file) => {
    const { tests } = JSON.parse(readFileSync(join(folder, file), "utf8")) as TableFile;
    return tests.flatMap(({ test, cases }) =>
      cases.map((row, index): AcceptCase => {
        const skip = skippedTests[test];
        return {
          name: `${file.replace(/\.json$/, "")}/${test}/${index}`,
          ...(skip === undefined ? {} : { skip }),
          run: () => {
            const check = checks[test];
            if (check === undefined) throw new Error(`nothing here checks rows of ${test}`);
            check(row);
          },
        };
      }),
    );
  });
}
