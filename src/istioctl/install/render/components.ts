import { flagAt, isTree, listAt, type Tree } from "../merge.ts";
import { renderBase } from "./base.ts";
import { renderGateway } from "./gateway.ts";
import { renderIstiod } from "./istiod.ts";
import { type Component, installContext, type Manifest } from "./manifest.ts";

/** Everything an operator spec asks for, in the order it is to be applied. Pure. */
export function renderComponents(spec: Tree): Component[] {
  const context = installContext(spec);
  const gateways = (list: string, fallback: string): Manifest[] =>
    listAt(spec, "components", list)
      .filter(isTree)
      .filter((gateway) => flagAt(gateway, "enabled"))
      .flatMap((gateway) => renderGateway(context, gateway, fallback));
  const components: Component[] = [
    {
      name: "base",
      title: "Istio core",
      manifests: flagAt(spec, "components", "base", "enabled") ? renderBase(context) : [],
    },
    {
      name: "pilot",
      title: "Istiod",
      manifests: flagAt(spec, "components", "pilot", "enabled") ? renderIstiod(context) : [],
    },
    { name: "egress", title: "Egress gateways", manifests: gateways("egressGateways", "istio-egressgateway") },
    { name: "ingress", title: "Ingress gateways", manifests: gateways("ingressGateways", "istio-ingressgateway") },
  ];
  return components
    .filter((component) => component.manifests.length > 0)
    .map((component) => ({
      ...component,
      manifests: component.manifests.map((manifest) => labelled(manifest, component)),
    }));
}

/** Every object says which component it belongs to, so that uninstall and the next install find it. */
function labelled(manifest: Manifest, component: Component): Manifest {
  if (manifest.kind === "Namespace" || manifest.kind === "CustomResourceDefinition") return manifest;
  const labels = {
    ...manifest.metadata?.labels,
    "operator.istio.io/component": component.name,
    "operator.istio.io/managed": "Reconcile",
  };
  return { ...manifest, metadata: { ...manifest.metadata, labels } };
}
