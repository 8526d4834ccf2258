import { style } from "./style.ts";

/** The start page: what the shop is made of. */
export function renderIndex(): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Simple Bookstore App</title><link rel="icon" href="data:,"><style>${style}</style></head>
<body><main class="wrap" style="padding-top:48px">
<section class="panel"><h1>Bookinfo</h1>
<p class="lead">One page, four services: <b>productpage</b> asks <b>details</b> for the book and <b>reviews</b> for what readers say; two of the three versions of reviews ask <b>ratings</b> for the stars.</p>
<p><a href="productpage">Open the product page</a></p></section>
</main></body></html>
`;
}
