import { conflict, modifiedMeanwhile } from "../api-error.ts";
import type { Core } from "../core.ts";
import { at, copyOf, isFields } from "../object.ts";
import { StaleWriteError } from "../storage/store.ts";
import { objectAnswer } from "./answer.ts";
import { decodeObject } from "./decode.ts";
import { readObject, type Target } from "./read.ts";
import { type ApiRequest, type ApiResponse, readDocument } from "./request.ts";
import { attempts, checkPreconditions, updateObject } from "./update.ts";
import { writeOptions } from "./write-options.ts";

/** PUT `/finalize` of a namespace: replaces `spec.finalizers`; without any, a deleted namespace goes. */
export async function finalizeNamespace(core: Core, request: ApiRequest, target: Target): Promise<ApiResponse> {
  const options = writeOptions(request);
  const document = await readDocument(request);
  for (let attempt = 1; ; attempt++) {
    const old = readObject(core, target);
    const wanted = decodeObject(copyOf(document), target.served, options);
    checkPreconditions(wanted, old, target);
    const finalizers = at(wanted, "spec.finalizers");
    const draft = copyOf(old);
    draft["spec"] = {
      ...(isFields(draft["spec"]) ? draft["spec"] : {}),
      finalizers: Array.isArray(finalizers) ? finalizers : [],
    };
    try {
      const change = { old, draft, subresource: "finalize", trusted: true };
      return objectAnswer(request, target.served, await updateObject(core, request, target, change, options), 200, []);
    } catch (error) {
      if (!(error instanceof StaleWriteError)) throw error;
      if (attempt >= attempts) throw conflict({ group: "", plural: "namespaces" }, target.name, modifiedMeanwhile);
    }
  }
}
