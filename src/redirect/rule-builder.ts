import type { Rule, RuleSet } from "./rule-set.ts";

/** An argument that differs between the IP families. */
interface PerFamily {
  readonly v4: string;
  readonly v6: string;
}

type Arg = string | PerFamily;

/** Collects rules for both families; version 6 stays empty where it is switched off. */
export class RuleBuilder {
  readonly #v4: Rule[] = [];
  readonly #v6: Rule[] = [];
  readonly #ipv6: boolean;

  constructor(ipv6: boolean) {
    this.#ipv6 = ipv6;
  }

  append(table: string, chain: string, ...args: readonly Arg[]): void {
    this.appendV4(table, chain, ...args.map((arg) => (typeof arg === "string" ? arg : arg.v4)));
    this.appendV6(table, chain, ...args.map((arg) => (typeof arg === "string" ? arg : arg.v6)));
  }

  appendV4(table: string, chain: string, ...args: readonly string[]): void {
    this.#v4.push({ table, chain, args });
  }

  appendV6(table: string, chain: string, ...args: readonly string[]): void {
    if (this.#ipv6) this.#v6.push({ table, chain, args });
  }

  insert(table: string, chain: string, position: number, ...args: readonly Arg[]): void {
    this.insertV4(table, chain, position, ...args.map((arg) => (typeof arg === "string" ? arg : arg.v4)));
    this.insertV6(table, chain, position, ...args.map((arg) => (typeof arg === "string" ? arg : arg.v6)));
  }

  insertV4(table: string, chain: string, position: number, ...args: readonly string[]): void {
    this.#v4.push({ table, chain, position, args });
  }

  insertV6(table: string, chain: string, position: number, ...args: readonly string[]): void {
    if (this.#ipv6) this.#v6.push({ table, chain, position, args });
  }

  rules(): RuleSet {
    return { v4: this.#v4, v6: this.#v6 };
  }
}
