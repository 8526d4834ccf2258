import { chownSync, mkdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { type Document, isMap, isSeq, parseDocument, type YAMLMap } from "yaml";

/** What a context needs to reach a cluster. PEM texts. */
export interface ContextEntry {
  readonly name: string;
  readonly server: string;
  readonly ca: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
}

/** The file that kubectl would write to: the first of `KUBECONFIG`, else `~/.kube/config`. */
export function userKubeconfig(): string {
  const [first] = (process.env["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "");
  return first ?? join(homedir(), ".kube", "config");
}

/** Adds or replaces cluster, user and context of this name and makes the context current. Returns whether the file changed. */
export function mergeContext(path: string, entry: ContextEntry): boolean {
  return change(path, (file) => {
    const { name } = entry;
    put(file, "clusters", name, { cluster: { server: entry.server, "certificate-authority-data": base64(entry.ca) } });
    put(file, "users", name, {
      user: {
        "client-certificate-data": base64(entry.clientCertificate),
        "client-key-data": base64(entry.clientKey),
      },
    });
    put(file, "contexts", name, { context: { cluster: name, user: name } });
    file.set("current-context", name);
  });
}

/** Takes the three entries out; unsets the current context if it was this one. A file that isn't there stays so. */
export function removeContext(path: string, name: string): boolean {
  if (!statSync(path, { throwIfNoEntry: false })) return false;
  return change(path, (file) => {
    for (const list of ["clusters", "users", "contexts"]) take(file, list, name);
    if (file.get("current-context") === name) file.set("current-context", "");
  });
}

/** Comments and everything that isn't ours stay as they are. Throws an Error that names the file. */
function change(path: string, edit: (file: Document) => void): boolean {
  const exists = statSync(path, { throwIfNoEntry: false }) !== undefined;
  const before = exists ? readFileSync(path, "utf8") : "";
  const file = parseDocument(before);
  if (file.errors.length > 0 || (file.contents !== null && !isMap(file.contents)))
    throw new Error(
      `${path} isn't a kubeconfig (${file.errors[0]?.message ?? "not a mapping"}): set KUBECONFIG to another file`,
    );
  if (file.contents === null) file.contents = file.createNode({ apiVersion: "v1", kind: "Config" }) as never;
  edit(file);
  const after = file.toString({ lineWidth: 0 });
  if (after === before) return false;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // A link stays a link, and under sudo the file stays its owner's.
  const target = exists ? realpathSync(path) : path;
  const { uid, gid } = statSync(exists ? target : dirname(target));
  writeFileSync(`${target}.weft`, after, { mode: 0o600 });
  chownSync(`${target}.weft`, uid, gid);
  renameSync(`${target}.weft`, target);
  return true;
}

function put(file: Document, list: string, name: string, value: object): void {
  take(file, list, name);
  if (!isSeq(file.get(list))) file.set(list, file.createNode([]));
  file.addIn([list], file.createNode({ name, ...value }));
}

function take(file: Document, list: string, name: string): void {
  const items = file.get(list);
  if (!isSeq<YAMLMap>(items)) return;
  items.items = items.items.filter((item) => !isMap(item) || item.get("name") !== name);
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
