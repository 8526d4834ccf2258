export interface Product {
  readonly id: number;
  readonly title: string;
  readonly descriptionHtml: string;
}

export const products: readonly [Product, ...Product[]] = [
  {
    id: 0,
    title: "The Comedy of Errors",
    descriptionHtml:
      "A merchant of Syracuse has until sunset to pay for his life. His son, and his son's servant, walk through Ephesus, where the twin of each has lived for years. Everybody greets the wrong man. <b>William Shakespeare</b>'s shortest play is also one of his first, and his plainest farce. <a href=\"https://en.wikipedia.org/wiki/The_Comedy_of_Errors\">More on Wikipedia</a>",
  },
];
