import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { AcceptCase } from "./suite.ts";
import { judgeByCrd } from "./validation/crd-verdict.ts";
import { judgeByKubernetes, withoutKubernetes } from "./validation/kubernetes-verdict.ts";
import { judge, unjudged, wantedOf } from "./validation/verdict.ts";
import { type Piece, wrappers } from "./validation/wrap.ts";

interface Tables {
  readonly tests: readonly { readonly test: string; readonly cases: readonly Piece[] }[];
}

/** Verdicts on whole resources (`crd-cel`), and on pieces of them (`tables.json`). */
export default async function validation(folder: string): Promise<readonly AcceptCase[]> {
  return [...documents(join(folder, "crd-cel")), ...pieces(join(folder, "tables.json"))];
}

/** Kubernetes' parser takes `::` before a bracket for text, YAML 1.2 for a key. */
function quoteColons(yaml: string): string {
  return yaml.replace(/(?<=[[,] *)[^\s,[\]"']+::(?= *[,\]])/g, '"$&"');
}

function documents(folder: string): AcceptCase[] {
  return readdirSync(folder).flatMap((file) =>
    parseAllDocuments(quoteColons(readFileSync(join(folder, file), "utf8")))
      .map((document) => document.toJS() as Piece | null)
      .filter((document) => document !== null)
      .flatMap((document): AcceptCase[] => {
        const { _err: error, ...resource } = document as Piece & { kind: string; metadata: { name: string } };
        const without = unjudged(resource.kind);
        const wanted = { valid: error === undefined };
        const name = `crd-cel/${file}/${resource.metadata.name}`;
        const ask = (who: string, run: () => void, skip: string | undefined = without): AcceptCase => ({
          name: `${name} (${who})`,
          ...(skip === undefined ? {} : { skip }),
          run,
        });
        return [
          ask("webhook", () => judge({ ...resource, spec: resource["spec"] }, wanted)),
          ask("CRD", () => judgeByCrd(resource, wanted)),
          ask("Kubernetes", () => judgeByKubernetes(resource, wanted), without ?? withoutKubernetes),
        ];
      }),
  );
}

function pieces(file: string): AcceptCase[] {
  const { tests } = JSON.parse(readFileSync(file, "utf8")) as Tables;
  return tests.flatMap(({ test, cases }) =>
    cases.map((one, index) => {
      const wrap = wrappers[test];
      const wrapped = wrap?.(spread(one) as Piece);
      const skip =
        wrapped === undefined
          ? "a function of the upstream program that no resource reaches"
          : hasNullItem(wrapped.spec)
            ? "a null in a list: the CRD's schema refuses it before anybody validates"
            : unjudged(wrapped.kind);
      return {
        name: `${test}/${typeof one["name"] === "string" ? one["name"] : index}`,
        ...(skip === undefined ? {} : { skip }),
        run: () => {
          if (wrapped === undefined) return;
          const wanted = wantedOf(one);
          judge(wrapped, wanted);
          // A CRD can't say everything, but it must not refuse what is right.
          if (wanted.valid) judgeByCrd(wrapped, wanted);
        },
      };
    }),
  );
}

/** Writes `{"$repeat": [TEXT, N]}` out. */
function spread(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(spread);
  if (typeof value !== "object" || value === null) return value;
  const repeat = (value as { $repeat?: [string, number] }).$repeat;
  if (repeat !== undefined) return repeat[0].repeat(repeat[1]);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, spread(item)]));
}

function hasNullItem(value: unknown): boolean {
  if (Array.isArray(value)) return value.some((item) => item === null || hasNullItem(item));
  return typeof value === "object" && value !== null && Object.values(value).some(hasNullItem);
}
