import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkFilters, type FilterCase, type FilterHead } from "./authz/filters.ts";
import { matcherRows } from "./authz/matchers.ts";
import { modelRows } from "./authz/model.ts";
import type { AcceptCase } from "./suite.ts";
import type { Row, RowCheck } from "./tables/row.ts";

interface TableFile {
  readonly tests: readonly { readonly test: string; readonly cases: readonly Row[] }[];
}

/** AuthorizationPolicies as filters, and the pieces that these are made of. */
export default async function authz(folder: string): Promise<readonly AcceptCase[]> {
  const head = JSON.parse(readFileSync(join(folder, "expectations.json"), "utf8")) as FilterHead;
  return [
    ...head.cases.map((one: FilterCase) => ({
      name: `${one.kind}/${one.name}`,
      run: () => checkFilters(folder, head, one),
    })),
    ...rows(folder, "model.json", modelRows),
    ...rows(folder, "matcher.json", matcherRows),
  ];
}

function rows(folder: string, file: string, checks: Readonly<Record<string, RowCheck>>): AcceptCase[] {
  const { tests } = JSON.parse(readFileSync(join(folder, file), "utf8")) as TableFile;
  return tests.flatMap(({ test, cases }) =>
    cases.map((row, index) => ({
      name: `${test}/${typeof row["name"] === "string" ? row["name"] : index}`,
      run: () => {
        const check = checks[test];
        if (check === undefined) throw new Error(`nothing here checks rows of ${test}`);
        check(row);
      },
    })),
  );
}
