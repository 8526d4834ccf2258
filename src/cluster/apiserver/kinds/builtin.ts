import { definitionKinds } from "../crd/definition.ts";
import { admissionRegistrationKinds } from "./admission-registration.ts";
import { autoscalingKinds } from "./autoscaling.ts";
import { batchKinds } from "./batch.ts";
import { certificateKinds } from "./certificates.ts";
import { coreKinds } from "./core.ts";
import { eventKinds } from "./event.ts";
import type { Kind } from "./kind.ts";
import { networkingKinds } from "./networking.ts";
import { podKinds } from "./pod.ts";
import { rbacKinds } from "./rbac.ts";
import { serviceKinds } from "./service.ts";
import { smallKinds } from "./small.ts";
import { workloadKinds } from "./workloads.ts";

/** The table of kinds. What isn't in here comes from a CustomResourceDefinition. */
export const builtinKinds: readonly Kind[] = [
  ...coreKinds,
  ...podKinds,
  ...serviceKinds,
  ...workloadKinds,
  ...eventKinds,
  ...batchKinds,
  ...autoscalingKinds,
  ...networkingKinds,
  ...rbacKinds,
  ...admissionRegistrationKinds,
  ...definitionKinds,
  ...certificateKinds,
  ...smallKinds,
];
