/** A file of the proxy's container. */
export function file(path: string): { readonly specifier: { readonly case: "filename"; readonly value: string } } {
  return { specifier: { case: "filename", value: path } };
}
