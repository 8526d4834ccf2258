import { memo } from "#model/memo.ts";
import { WireWriter } from "#xds/protobuf-wire.ts";
import { type ResourceSet, sharedSet } from "#xds/resource-set.ts";
import { encodedResource } from "./proto.ts";

/** Field `ca_certificates_pem` of Istio's ProxyConfig. */
const caCertificatesPem = 34;

/**
 * The root certificates that workloads check each other against, as agents ask for them: a ProxyConfig with nothing else in it.
 * Each of `anchors` is one certificate in PEM. Istio: PcdsGenerator.
 */
export const trustAnchors: (anchors: readonly string[]) => ResourceSet = memo((anchors: readonly string[]) => {
  const message = new WireWriter();
  for (const pem of anchors) message.string(caCertificatesPem, pem);
  return sharedSet([
    encodedResource("trust-anchors", { typeName: "istio.mesh.v1alpha1.ProxyConfig" }, message.pieces()),
  ]);
});
