import type { Answer } from "./backends.ts";
import { escapeHtml } from "./html.ts";
import type { Product } from "./products.ts";
import { style } from "./style.ts";

interface Review {
  readonly reviewer?: unknown;
  readonly text?: unknown;
  readonly rating?: { readonly stars?: unknown; readonly color?: unknown; readonly error?: unknown };
}

export interface PageFacts {
  readonly product: Product;
  readonly details: Answer;
  readonly reviews: Answer;
  readonly user?: string;
}

export function renderProductPage({ product, details, reviews, user }: PageFacts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Simple Bookstore App</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header><div class="wrap">
<a class="brand" href="productpage">${logo}Bookinfo</a>
${user === undefined ? signIn : signedIn(user)}
</div></header>
<main class="wrap">
<section class="hero">${cover}<div><h1>${escapeHtml(product.title)}</h1><p class="lead">${product.descriptionHtml}</p></div></section>
<section class="panel" id="details">${renderDetails(details)}</section>
<section class="panel" id="reviews">${renderReviews(reviews)}</section>
</main>
${user === undefined ? dialog : ""}
</body>
</html>
`;
}

const facts = [
  ["Author", "author"],
  ["Year", "year"],
  ["Type", "type"],
  ["Pages", "pages"],
  ["Publisher", "publisher"],
  ["Language", "language"],
  ["ISBN-10", "ISBN-10"],
  ["ISBN-13", "ISBN-13"],
] as const;

function renderDetails({ status, body }: Answer): string {
  if (status !== 200) return renderError("Error fetching product details", body["error"]);
  const items = facts.map(([label, field]) => `<div><dt>${label}</dt><dd>${escapeHtml(body[field])}</dd></div>`);
  return `<h2>Book details</h2><dl>${items.join("")}</dl>`;
}

function renderReviews({ status, body }: Answer): string {
  if (status !== 200) return renderError("Error fetching product reviews", body["error"]);
  const list = Array.isArray(body["reviews"]) ? (body["reviews"] as Review[]) : [];
  const cluster = body["clustername"];
  const where =
    typeof cluster === "string" && cluster !== "null" ? ` on cluster <code>${escapeHtml(cluster)}</code>` : "";
  return `<h2>Book reviews</h2><div class="reviews">${list.map(renderReview).join("")}</div>
<p class="served">Reviews served by: <code>${escapeHtml(body["podname"])}</code>${where}</p>`;
}

function renderReview({ reviewer, text, rating }: Review): string {
  const name = escapeHtml(reviewer);
  return `<article class="review">${rating ? renderRating(rating) : ""}<blockquote>“${escapeHtml(text)}”</blockquote>
<footer><span class="avatar">${name.slice(0, 1)}</span>${name}</footer></article>`;
}

function renderRating({ stars, color, error }: NonNullable<Review["rating"]>): string {
  if (typeof stars !== "number") return `<p class="bad">${escapeHtml(error)}</p>`;
  const count = Math.max(0, Math.min(5, Math.round(stars)));
  const row = Array.from({ length: 5 }, (_, i) => star(i < count)).join("");
  const shade = color === "red" ? "red" : "black";
  return `<div class="stars ${shade}" role="img" aria-label="${count} of 5 stars">${row}</div>`;
}

function renderError(title: string, message: unknown): string {
  return `<p class="bad">${title}</p><p>${escapeHtml(message)}</p>`;
}

function star(full: boolean): string {
  const paint = full ? 'fill="currentColor"' : 'fill="none"';
  return `<svg viewBox="0 0 24 24" ${paint} stroke="currentColor" stroke-width="1.6" stroke-linejoin="round" aria-hidden="true"><path d="${starPath}"/></svg>`;
}

/** Ten corners on two circles around (12, 12.4). */
const starPath = `M${Array.from({ length: 10 }, (_, i) => {
  const radius = i % 2 === 0 ? 10.4 : 4.3;
  const angle = (Math.PI * i) / 5 - Math.PI / 2;
  return `${(12 + radius * Math.cos(angle)).toFixed(2)} ${(12.4 + radius * Math.sin(angle)).toFixed(2)}`;
}).join("L")}Z`;

const logo = `<svg width="26" height="26" viewBox="0 0 26 26" fill="none" stroke="#2f5bd7" stroke-width="2" stroke-linejoin="round" aria-hidden="true"><path d="M13 6.5C10 4.3 6.6 4 3 4.4v15.4c3.6-.4 7 0 10 2.2 3-2.2 6.4-2.6 10-2.2V4.4C19.4 4 16 4.3 13 6.5Zm0 0V22"/></svg>`;

/** Two masks that face each other. */
const cover = `<svg class="cover" viewBox="0 0 200 290" role="img" aria-label="Cover"><rect width="200" height="290" fill="#23305f"/><rect width="16" height="290" fill="#1a2449"/>
<g fill="#f4ead4"><path d="M48 108c0-22 20-30 38-24v44c0 22-10 34-24 34-10 0-14-24-14-54Z"/><path d="M152 108c0-22-20-30-38-24v44c0 22 10 34 24 34 10 0 14-24 14-54Z" fill="#e0a33e"/></g>
<g fill="#23305f"><ellipse cx="68" cy="110" rx="8" ry="5"/><ellipse cx="132" cy="110" rx="8" ry="5"/></g>
<g fill="none" stroke="#23305f" stroke-width="4" stroke-linecap="round"><path d="M58 136q9 9 19 2"/><path d="M124 142q9-9 18-2"/></g>
<g fill="#f4ead4" font-family="Georgia, 'DejaVu Serif', serif" text-anchor="middle"><text x="108" y="46" font-size="15" letter-spacing="2">THE COMEDY</text><text x="108" y="66" font-size="15" letter-spacing="2">OF ERRORS</text><text x="108" y="262" font-size="11" letter-spacing="3">SHAKESPEARE</text></g>
<path d="M78 222h60M92 230h32" stroke="#e0a33e" stroke-width="2"/></svg>`;

function signedIn(user: string): string {
  const name = escapeHtml(user);
  return `<div class="who"><span class="avatar">${escapeHtml(user.slice(0, 1))}</span><strong>${name}</strong><a href="logout">Sign out</a></div>`;
}

const signIn = `<button type="button" onclick="document.getElementById('sign-in').showModal()">Sign in</button>`;

const dialog = `<dialog id="sign-in"><form method="post" action="login">
<h2>Sign in</h2><p class="hint">Any name will do; try <code>jason</code>.</p>
<label for="username">Name</label><input id="username" name="username" autocomplete="username" required>
<label for="passwd">Password</label><input id="passwd" name="passwd" type="password" autocomplete="off">
<div class="row"><button class="plain" type="button" onclick="this.closest('dialog').close()">Cancel</button><button type="submit">Sign in</button></div>
</form></dialog>`;
