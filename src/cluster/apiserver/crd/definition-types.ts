import type { Meta } from "../object.ts";
import type { JSONSchema } from "../schema/json-schema.ts";

/** The parts of a CustomResourceDefinition that the server acts on. */
export interface Definition {
  apiVersion: string;
  kind: string;
  metadata: Meta;
  spec: {
    group: string;
    names: Names;
    scope: "Namespaced" | "Cluster";
    versions: Version[];
    conversion?: { strategy?: string };
    preserveUnknownFields?: boolean;
  };
  status?: { conditions?: Condition[]; acceptedNames?: Names; storedVersions?: string[] };
}

interface Names {
  plural: string;
  singular?: string;
  shortNames?: string[];
  kind: string;
  listKind?: string;
  categories?: string[];
}

export interface Version {
  name: string;
  served: boolean;
  storage: boolean;
  deprecated?: boolean;
  deprecationWarning?: string;
  schema?: { openAPIV3Schema?: JSONSchema };
  subresources?: {
    status?: object;
    scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
  };
  additionalPrinterColumns?: {
    name: string;
    type: string;
    format?: string;
    description?: string;
    priority?: number;
    jsonPath: string;
  }[];
  selectableFields?: { jsonPath: string }[];
}

export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  lastTransitionTime?: string;
  reason?: string;
  message?: string;
}
