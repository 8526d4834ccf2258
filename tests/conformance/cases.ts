import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** A request to make, and what must come of it. */
export interface ExpectedResponse {
  readonly testCaseName?: string;
  readonly request?: {
    readonly host?: string;
    readonly path?: string;
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly protocol?: string;
  };
  readonly echoRequest?: object;
  readonly echoTwoRequest?: object;
  readonly echoThreeRequest?: object;
  readonly requestMetadata?: {
    readonly authority?: string;
    readonly metadata?: Readonly<Record<string, string>>;
  };
  readonly expectedRequest?: {
    readonly request?: { readonly path?: string; readonly headers?: Readonly<Record<string, string>> };
    readonly absentHeaders?: readonly string[];
  };
  readonly response?: {
    readonly statusCode?: number;
    readonly statusCodes?: readonly number[];
    readonly code?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly absentHeaders?: readonly string[];
    readonly ignoreWhitespace?: boolean;
  };
  readonly redirectRequest?: {
    readonly scheme?: string;
    readonly host?: string;
    readonly port?: string;
    readonly path?: string;
  };
  readonly mirroredTo?: readonly {
    readonly backendRef: { readonly name: string; readonly namespace: string };
    readonly percent?: number;
  }[];
  readonly backend?: string;
  readonly namespace?: string;
  /** Short forms of `request.host` and `response.statusCode`. */
  readonly host?: string;
  readonly statusCode?: number;
}

export interface ConformanceTest {
  readonly shortName: string;
  readonly description: string;
  readonly features: readonly string[];
  readonly manifests: readonly string[];
  readonly descriptionOnly?: boolean;
  readonly expectedResponses?: readonly ExpectedResponse[];
}

export interface ConformanceData {
  readonly gateway: readonly ConformanceTest[];
  readonly mesh: readonly ConformanceTest[];
}

export async function readConformance(folder: string): Promise<ConformanceData> {
  return JSON.parse(await readFile(join(folder, "expectations.json"), "utf8")) as ConformanceData;
}

/** A manifest with the names that the implementation under test gives. */
export async function readManifest(folder: string, path: string): Promise<string> {
  const text = await readFile(join(folder, path), "utf8");
  return text
    .replaceAll("{GATEWAY_CLASS_NAME}", "istio")
    .replaceAll("{GATEWAY_CONTROLLER_NAME}", "istio.io/gateway-controller");
}
