// Regenerates `gen/`, the Envoy messages that Weft sends, as TypeScript, and `types.binpb.gz`, the descriptors of all messages
// of Envoy's configuration, for what users write themselves (EnvoyFilter). `npm run generate:envoy`.
//
// The messages come from PyPI's `xds-protos`, which carries the descriptors of Envoy's API. Custom options (validation rules,
// annotations) are cut out, and with them the files that only define them: they would be half of what a process loads at its start.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
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

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

const onlyOptions = /^(validate|envoy\/annotations|udpa\/annotations|xds\/annotations)\//;

const work = mkdtempSync(join(tmpdir(), "weft-generate-envoy-"));
try {
  execFileSync("pip", ["download", "--quiet", "--no-deps", "--dest", work, `xds-protos==${release}`], {
    stdio: "inherit",
  });
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
  const gen = join(here, "gen");
  rmSync(gen, { recursive: true, force: true });
  for (const { name, content } of response.file) {
    mkdirSync(dirname(join(gen, name)), { recursive: true });
    writeFileSync(join(gen, name), content);
  }
  const all = collect(configurationFiles(join(work, "wheel")), (path) => readDescriptor(join(work, "wheel"), path));
  const set = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: all }));
  writeFileSync(join(here, "types.binpb.gz"), gzipSync(set, { level: 9 }));
  process.stdout.write(`generated ${response.file.length} files and the descriptors of ${all.length}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
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
