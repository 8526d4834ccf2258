import { type Obj } from "../object.ts";
import type { Served } from "../registry.ts";
import { encodeObject, includeObjectOf } from "./encode.ts";
import { viewOf } from "./negotiate.ts";
import { type ApiRequest, type ApiResponse, textResponse } from "./request.ts";
import { warningHeaders } from "./write-options.ts";

/** The answer to a write: the object as it is now. */
export function objectAnswer(
  request: ApiRequest,
  served: Served,
  object: Obj,
  status: number,
  warnings: readonly string[],
): ApiResponse {
  const form = { view: viewOf(request), includeObject: includeObjectOf(request.query) };
  const all = served.version.deprecationWarning ? [served.version.deprecationWarning, ...warnings] : warnings;
  return textResponse(encodeObject(object, served, form), status, "application/json", warningHeaders(all));
}
