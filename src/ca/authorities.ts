import type { Secret } from "kubernetes-types/core/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import { startInformer } from "#kube/informer.ts";
import { createReconciler } from "#kube/reconciler.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import { readChain } from "#x509/chain.ts";
import { type AuthoritySecret, readAuthoritySecret, secretText } from "./authority-secret.ts";
import { type Authority, createSelfSignedRoot, pemOf, type RootOptions } from "./certificate.ts";
import { type KnownRoot, readKnownRoots, rememberRoots, writeKnownRoots } from "./known-roots.ts";
import { newRootSecret, readOwnRoot, withNext, withNextPromoted } from "./own-root.ts";
import { planRotation, type RotationSettings } from "./root-rotation.ts";

/** Who signs now, and what is believed. */
interface TrustState {
  readonly signer: Authority;
  /** istiod's own roots, one certificate in PEM each, in an order that all istiods have. */
  readonly roots: readonly string[];
  /** Certificates of CAs that were taken back, PEM; may be empty. */
  readonly crlPem: string;
}

export interface Authorities {
  current(): TrustState;
  onChange(listener: () => void): void;
}

export interface AuthoritiesOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Of a root that is made. Istio: the trust domain. */
  readonly organization: () => string;
  readonly root: RootOptions;
  readonly rotation: RotationSettings;
  /** The longest that anything signed up to now may hold, ms. */
  readonly longestLifetimeMs: () => number;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Istio's names: the root that istiod made itself, and the CA that the user plugged in. */
const ownSecret = "istio-ca-secret";
const pluggedSecret = "cacerts";
/** Weft's: which roots are told, since when, and until when the former ones. No keys. */
const knownSecret = "istio-ca-known-roots";
const knownKey = "roots.json";
/** On the Secret in use: roots that it no longer has aren't believed any longer, whatever they signed. */
const forgetAnnotation = "weft.dev/forget-former-roots";
/** Timers can't be set further ahead than some weeks; and clocks are set, ms. */
const longestWait = 3_600_000;
const day = 24 * 3_600_000;
const alertMs = 14 * day;
const key = "authority";

/**
 * Follows the mesh's certificate authority: the user's in Secret `cacerts` where there is one, else istiod's own in `istio-ca-secret`,
 * which is made on the first start and renewed before it ends. Of several istiods that write at once, one wins and the others take
 * what it wrote. A root is told before anything is signed with it, and stays told while something that it signed may hold. A Secret that
 * can't be used leaves the last good authority signing. Resolves when there is one.
 */
export async function followAuthorities(options: AuthoritiesOptions): Promise<Authorities> {
  const { client, namespace, rotation, signal, log } = options;
  const { distributionMs } = rotation;
  const listeners: (() => void)[] = [];
  const ready = Promise.withResolvers<void>();
  const reconciler = createReconciler({ reconcile, signal, log, retry: { first: 100, longest: 5_000 } });
  const plugged = follow(pluggedSecret);
  const own = follow(ownSecret);
  const written = follow(knownSecret);
  let state: TrustState | undefined;
  let complained = "";
  let warnedAt = 0;
  let timer: NodeJS.Timeout | undefined;
  signal.addEventListener("abort", () => clearTimeout(timer));

  /** A Secret as it was seen or written last. */
  function follow(name: string) {
    const informer = startInformer<Secret>(client, resourceTypes.secrets, {
      signal,
      log,
      namespace,
      fieldSelector: `metadata.name=${name}`,
    });
    const followed: { latest: Secret | undefined; readonly synced: Promise<void> } = {
      latest: undefined,
      synced: informer.synced,
    };
    informer.onChange(({ after }) => {
      followed.latest = after;
      reconciler.ask(key);
    });
    return followed;
  }

  async function reconcile(): Promise<void> {
    await Promise.all([plugged.synced, own.synced, written.synced]);
    const now = Date.now();
    const secret = plugged.latest ?? own.latest ?? (await createFirst());
    const loaded = load(secret, now);
    if (loaded === undefined) return;
    const next = secret === plugged.latest ? undefined : readOwnRoot(secret).next?.certificate;
    const forgets = secret.metadata?.annotations?.[forgetAnnotation] === "true";
    const current = [loaded.authority.rootPem, next ?? ""].flatMap((pem) => readChain(pem).map(pemOf));
    const retention = forgets ? 0 : distributionMs + options.longestLifetimeMs();
    const known = await remember(current, now, retention);
    const { signer, wakeAt } = forgets ? { signer: loaded.authority } : chooseSigner(loaded.authority, known, now);
    if (signer.endsAt > now) take({ signer, roots: known.map(({ pem }) => pem).sort(), crlPem: loaded.crlPem });
    if (secret === plugged.latest) warnOfEnd(signer, now);
    const rotateAt = secret === plugged.latest ? Number.POSITIVE_INFINITY : await rotate(secret, now);
    schedule(
      Math.min(rotateAt, wakeAt ?? now + longestWait, ...known.map(({ until }) => until ?? now + longestWait)) - now,
    );
  }

  async function createFirst(): Promise<Secret> {
    const root = await createSelfSignedRoot(options.organization(), new Date(), options.root);
    try {
      const secret = newRootSecret({ namespace, name: ownSecret }, root);
      const made = await client.create<Secret>(resourceTypes.secrets, secret);
      log.info("made a root certificate", { secret: `${namespace}/${ownSecret}` });
      return (own.latest = made);
    } catch (error) {
      if (!isKubeError(error, "AlreadyExists")) throw error;
      return await client.get<Secret>(resourceTypes.secrets, { namespace, name: ownSecret });
    }
  }

  /** Undefined for a Secret that can't be used, which is told once. */
  function load(secret: Secret, now: number): AuthoritySecret | undefined {
    try {
      // A root of istiod's own that ended while no istiod ran is replaced, not refused.
      return readAuthoritySecret(secret, secret === plugged.latest ? now : Number.NEGATIVE_INFINITY);
    } catch (error) {
      const version = `${secret.metadata?.name} ${secret.metadata?.resourceVersion}`;
      const inEffect = state === undefined ? "nobody gets a certificate" : "the last good one signs on";
      if (complained !== version) log.error("the certificate authority can't be used", { error, inEffect });
      complained = version;
      return undefined;
    }
  }

  /** The roots to tell now, also written down for other istiods and for later ones. */
  async function remember(current: readonly string[], now: number, retention: number): Promise<readonly KnownRoot[]> {
    const before = knownBefore();
    const known = rememberRoots(before, current, now, retention);
    if (known === before) return known;
    const data = { [knownKey]: Buffer.from(writeKnownRoots(known)).toString("base64") };
    written.latest = written.latest
      ? await client.update<Secret>(resourceTypes.secrets, { ...written.latest, data })
      : await client.create<Secret>(resourceTypes.secrets, {
          metadata: { namespace, name: knownSecret },
          type: "weft.dev/known-roots",
          data,
        });
    log.info("the roots that are told changed", {
      roots: known.length,
      former: known.filter(({ until }) => until !== undefined).length,
    });
    return known;
  }

  function knownBefore(): readonly KnownRoot[] {
    if (written.latest === undefined) return [];
    try {
      return readKnownRoots(secretText(written.latest, knownKey));
    } catch (error) {
      log.error("can't read which roots were told; those of the authority are told", {
        secret: `${namespace}/${knownSecret}`,
        error,
      });
      return [];
    }
  }

  /** The one that signs goes on until the root of the other is known everywhere. */
  function chooseSigner(
    loaded: Authority,
    known: readonly KnownRoot[],
    now: number,
  ): { readonly signer: Authority; readonly wakeAt?: number } {
    const before = state?.signer;
    const since = known.find(({ pem }) => pem === loaded.anchorPem)?.since ?? now;
    const wakeAt = since + distributionMs;
    if (before === undefined || wakeAt <= now || before.endsAt <= wakeAt) return { signer: loaded };
    return before.certificate.raw.equals(loaded.certificate.raw) ? { signer: loaded } : { signer: before, wakeAt };
  }

  function take(next: TrustState): void {
    const before = state;
    const isSame =
      before?.signer.certificate.raw.equals(next.signer.certificate.raw) &&
      before.signer.chainPem === next.signer.chainPem &&
      before.crlPem === next.crlPem &&
      before.roots.join() === next.roots.join();
    if (isSame) return;
    state = next;
    const { subject, serialNumber, validTo, fingerprint256 } = next.signer.certificate;
    if (fingerprint256 !== before?.signer.certificate.fingerprint256)
      log.info("certificates are signed by", {
        subject: subject || "an authority without a name",
        serialNumber,
        validTo,
      });
    ready.resolve();
    for (const listener of listeners) listener();
  }

  /** A CA that was plugged in is renewed by whoever did that; once a day. */
  function warnOfEnd({ certificate, endsAt }: Authority, now: number): void {
    if (endsAt - now > alertMs || now - warnedAt < day) return;
    warnedAt = now;
    log.warn("the certificate authority ends soon, and everything that it signed with it; put a new one in its place", {
      subject: certificate.subject,
      ends: new Date(endsAt).toISOString(),
    });
  }

  /** Returns when to look again, ms since the epoch. */
  async function rotate(secret: Secret, now: number): Promise<number> {
    const plan = planRotation(readOwnRoot(secret), now, rotation);
    if (plan.step === "wait") return plan.until;
    const changed =
      plan.step === "promote"
        ? withNextPromoted(secret)
        : withNext(secret, await createSelfSignedRoot(options.organization(), new Date(), options.root), new Date());
    own.latest = await client.update<Secret>(resourceTypes.secrets, changed);
    log.info(
      plan.step === "promote" ? "the next root signs from now on" : "made the next root; it is told from now on",
      {
        secret: `${namespace}/${ownSecret}`,
      },
    );
    reconciler.ask(key);
    return Number.POSITIVE_INFINITY;
  }

  function schedule(waitMs: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => reconciler.ask(key), Math.max(0, Math.min(waitMs, longestWait)));
    timer.unref();
  }

  reconciler.ask(key);
  await ready.promise;
  return {
    current() {
      if (state === undefined) throw new Error("no certificate authority yet");
      return state;
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
