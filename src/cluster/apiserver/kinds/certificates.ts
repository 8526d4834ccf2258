import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from "kubernetes-types/certificates/v1.d.ts";
import { type FieldError, fieldError } from "../api-error.ts";
import { copyOf } from "../object.ts";
import { age, ageColumn, column, duration, nameColumn } from "./columns.ts";
import { defineKind, type Kind } from "./kind.ts";

/** Said by who approves, which the status subresource may not change, and the other way round. */
const verdicts: readonly string[] = ["Approved", "Denied"];

type Conditions = readonly CertificateSigningRequestCondition[];

function withTimes(conditions: Conditions, now: string): CertificateSigningRequestCondition[] {
  return conditions.map((condition) => ({
    ...condition,
    lastUpdateTime: condition.lastUpdateTime ?? now,
    lastTransitionTime: condition.lastTransitionTime ?? now,
  }));
}

function validateRequest({ spec }: CertificateSigningRequest): FieldError[] {
  const errors: FieldError[] = [];
  const text = Buffer.from(spec.request ?? "", "base64").toString("latin1");
  if (!/^\s*-----BEGIN CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE REQUEST-----\s*$/.test(text))
    errors.push(fieldError.invalid("spec.request", "", "PEM block type must be CERTIFICATE REQUEST"));
  if (!spec.usages?.length) errors.push(fieldError.required("spec.usages"));
  if (!/^[a-z0-9.-]+\/[^\s]+$/.test(spec.signerName))
    errors.push(
      fieldError.invalid("spec.signerName", spec.signerName, "must be a domain and a path, such as example.com/name"),
    );
  if (spec.expirationSeconds !== undefined && spec.expirationSeconds < 600)
    errors.push(
      fieldError.invalid(
        "spec.expirationSeconds",
        spec.expirationSeconds,
        "may not specify a duration less than 600 seconds (10 minutes)",
      ),
    );
  return errors;
}

function conditionText({ status }: CertificateSigningRequest): string {
  const types = new Set(status?.conditions?.map(({ type }) => type));
  const words = ["Approved", "Denied", "Failed"].filter((type) => types.has(type));
  if (status?.certificate) words.push("Issued");
  return words.length === 0 ? "Pending" : words.join(",");
}

const requests = defineKind<CertificateSigningRequest>(
  { group: "certificates.k8s.io", kind: "CertificateSigningRequest", plural: "certificatesigningrequests" },
  {
    namespaced: false,
    shortNames: ["csr"],
    status: true,
    selectable: ["spec.signerName"],
    subresources: [
      {
        name: "approval",
        kind: "CertificateSigningRequest",
        group: "certificates.k8s.io",
        version: "v1",
        verbs: ["get", "patch", "update"],
      },
    ],
    // Who asks is who sent the request, whatever it says.
    prepareCreate({ spec }, { user }) {
      delete spec.username;
      delete spec.groups;
      delete spec.uid;
      delete spec.extra;
      if (user === undefined) return;
      spec.username = user.username;
      spec.groups = [...user.groups];
    },
    prepareUpdate(draft, old, { now, subresource }) {
      draft.spec = copyOf(old.spec);
      const before = old.status?.conditions ?? [];
      const wanted = draft.status?.conditions ?? [];
      const isVerdict = ({ type }: CertificateSigningRequestCondition): boolean => verdicts.includes(type);
      if (subresource === "approval") {
        const conditions = [...wanted.filter(isVerdict), ...before.filter((condition) => !isVerdict(condition))];
        draft.status = { ...copyOf(old.status), conditions: withTimes(conditions, now) };
      } else if (subresource === "status") {
        const conditions = [...before.filter(isVerdict), ...wanted.filter((condition) => !isVerdict(condition))];
        draft.status = {
          ...draft.status,
          ...(conditions.length > 0 ? { conditions: withTimes(conditions, now) } : {}),
        };
      }
    },
    validate: validateRequest,
    table: {
      columns: [
        nameColumn,
        ageColumn,
        column("SignerName"),
        column("Requestor"),
        column("RequestedDuration"),
        column("Condition"),
      ],
      cells: (object) => [
        object.metadata?.name ?? "",
        age(object),
        object.spec.signerName,
        object.spec.username ?? "",
        object.spec.expirationSeconds === undefined ? "<none>" : duration(object.spec.expirationSeconds * 1000),
        conditionText(object),
      ],
    },
  },
);

export const certificateKinds: readonly Kind[] = [requests];
