// Regenerates `gen/`, the Envoy messages that Weft sends, as TypeScript, and `types.binpb.gz`, the descriptors of all messages
// of Envoy's configuration, for what users write themselves (EnvoyFilter). `npm run generate:envoy`. With `--check` nothing is written:
// what differs from what is there is listed, with exit code 1; 3 when the package can't be had.
//
// The messages come from PyPI's `xds-protos`, which carries the descriptors of Envoy's API. Custom options (validation rules,
// annotations) are cut out, and with them the files that only define them: they would be half of what a process loads at its start.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import * as wkt from "@bufbuild/protobuf/wkt";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  type DescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { roots } from "./roots.ts";

const release = "1.85.0";
const sha256 = "e1e7bfd9936389936b2c85660d9db0dae380f12678a594b983da40dd472f1760";
const here = import.meta.dirname;
const repository = join(here, "../../..");
const gen = join(here, "gen");
const descriptorFile = join(here, "types.binpb.gz");

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

const onlyOptions = /^(validate|envoy\/annotations|udpa\/annotations|xds\/annotations)\//;

const work = mkdtempSync(join(tmpdir(), "weft-generate-envoy-"));
process.once("exit", () => rmSync(work, { recursive: true, force: true }));
const download = ["download", "--quiet", "--no-deps", "--dest", work, `xds-protos==${release}`];
if (spawnSync("python3", ["-m", "pip", ...download], { stdio: "inherit" }).status !== 0) {
  process.stderr.write(`pip can't download xds-protos ${release}\n`);
  process.exit(3);
}
const wheel = readdirSync(work).find((name) => name.endsWith(".whl"));
if (wheel === undefined) throw new Error(`pip left no wheel of xds-protos ${release} in ${work}`);
const found = createHash("sha256")
  .update(readFileSync(join(work, wheel)))
  .digest("hex");
if (found !== sha256) throw new Error(`${wheel} has the checksum ${found}, expected ${sha256}`);
execFileSync("python3", ["-m", "zipfile", "-e", join(work, wheel), join(work, "wheel")], { stdio: "inherit" });

const protoFile = collect(roots, (path) => readDescriptor(join(work, "wheel"), path));
const request = create(CodeGeneratorRequestSchema, {
  parameter: "target=js+dts,import_extension=js",
  protoFile,
  fileToGenerate: protoFile.map((file) => file.name).filter((path) => !path.startsWith("google/protobuf/")),
});
const response = fromBinary(
  CodeGeneratorResponseSchema,
  execFileSync(join(repository, "node_modules/.bin/protoc-gen-es"), {
    input: toBinary(CodeGeneratorRequestSchema, request),
    maxBuffer: 64 << 20,
  }),
);
if (response.error !== "") throw new Error(`protoc-gen-es: ${response.error}`);
const files = new Map(response.file.map(({ name, content }) => [name, content]));
const all = collect(configurationFiles(join(work, "wheel")), (path) => readDescriptor(join(work, "wheel"), path));
const set = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: all }));
if (process.argv.includes("--check")) check(files, set);
else write(files, set);

function write(files: ReadonlyMap<string, string>, descriptors: Uint8Array): void {
  rmSync(gen, { recursive: true, force: true });
  for (const [name, content] of files) {
    mkdirSync(dirname(join(gen, name)), { recursive: true });
    writeFileSync(join(gen, name), content);
  }
  writeFileSync(descriptorFile, gzipSync(descriptors, { level: 9 }));
  process.stdout.write(`generated ${files.size} files and ${descriptors.length} bytes of descriptors\n`);
}

function check(files: ReadonlyMap<string, string>, descriptors: Uint8Array): void {
  const present = new Set(globSync("**/*.{js,ts}", { cwd: gen }));
  const different = [...new Set([...files.keys(), ...present])].filter(
    (name) => !present.has(name) || readFileSync(join(gen, name), "utf8") !== files.get(name),
  );
  if (!gunzipSync(readFileSync(descriptorFile)).equals(descriptors)) different.push("types.binpb.gz");
  if (different.length === 0) return;
  process.stderr.write(`not as generated: ${different.sort().join(", ")}; run npm run generate:envoy\n`);
  process.exitCode = 1;
}

/** What may stand in Envoy's configuration: all of API v3, the generic types, and what CNCF's xDS adds. Services are for servers. */
function configurationFiles(wheel: string): string[] {
  return globSync(["envoy/**/v*/*_pb2.py", "udpa/type/**/*_pb2.py", "xds/**/v*/*_pb2.py"], { cwd: wheel })
    .map((module) => module.replace(/_pb2\.py$/, ".proto"))
    .filter((path) => !/\/v2(?:alpha\d*)?\/|^envoy\/(?:api|service)\//.test(path) && !onlyOptions.test(path))
    .sort();
}

/** The files in an order where each comes after those it imports. */
function collect(paths: readonly string[], read: (path: string) => FileDescriptorProto): FileDescriptorProto[] {
  const seen = new Map<string, FileDescriptorProto>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    const file = withoutOptions(read(path));
    for (const dependency of file.dependency) visit(dependency);
    seen.set(path, file);
  };
  for (const path of paths) visit(path);
  return [...seen.values()];
}

/** Reads the serialized descriptor out of a `_pb2.py` module; Google's own types come with `@bufbuild/protobuf`. */
function readDescriptor(wheel: string, path: string): FileDescriptorProto {
  if (path.startsWith("google/protobuf/")) return wellKnown(path);
  const module = readFileSync(join(wheel, path.replace(/\.proto$/, "_pb2.py").replaceAll("-", "_")), "latin1");
  const literal = /AddSerializedFile\(b'((?:[^'\\]|\\.)*)'\)/s.exec(module)?.[1];
  if (literal === undefined) throw new Error(`${path}: the module holds no serialized descriptor`);
  return fromBinary(FileDescriptorProtoSchema, pythonBytes(literal));
}

function pythonBytes(literal: string): Uint8Array {
  const text = literal.replace(/\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|(.))/gs, (_all, hex, octal, single) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    return escapes[single] ?? single;
  });
  return Buffer.from(text, "latin1");
}

function wellKnown(path: string): FileDescriptorProto {
  for (const value of Object.values(wkt)) {
    if ("kind" in value && value.kind === "file" && value.proto.name === path) return value.proto;
  }
  throw new Error(`${path}: not among the well-known types`);
}

function withoutOptions(file: FileDescriptorProto): FileDescriptorProto {
  for (const message of file.messageType) cleanMessage(message);
  for (const enumeration of file.enumType) cleanEnum(enumeration);
  const { options, ...rest } = file;
  const dependency = file.dependency.filter((path) => !onlyOptions.test(path));
  const kept = options?.$unknown === undefined ? options : undefined;
  return create(FileDescriptorProtoSchema, {
    ...rest,
    dependency,
    publicDependency: [],
    ...(kept ? { options: kept } : {}),
  });
}

function cleanMessage(message: DescriptorProto): void {
  const mapEntry = message.options?.mapEntry ?? false;
  if (message.options !== undefined && !mapEntry) delete message.options;
  for (const field of message.field) {
    field.jsonName = jsonName(field.name);
    // Packed encoding and deprecation are standard options; all others are extensions, kept as unknown fields.
    if (field.options !== undefined) delete field.options.$unknown;
  }
  for (const oneof of message.oneofDecl) delete oneof.options;
  for (const nested of message.nestedType) cleanMessage(nested);
  for (const enumeration of message.enumType) cleanEnum(enumeration);
}

/** Protobuf's default JSON name, which Python's descriptors leave out. */
function jsonName(field: string): string {
  return field.replace(/_+(.)/g, (_all, letter: string) => letter.toUpperCase());
}

function cleanEnum(enumeration: FileDescriptorProto["enumType"][number]): void {
  delete enumeration.options;
  for (const value of enumeration.value) delete value.options;
}
