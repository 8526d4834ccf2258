import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#log/log.ts";
import { backoffMs } from "../backoff.ts";
import { connectionAdvice } from "../istiod-connection.ts";
import { CallError } from "../unary-call.ts";
import type { WorkloadCertificate } from "./certificate-request.ts";
import type { IdentityCounters } from "./identity-counters.ts";
import { renewalTime, waitUntil } from "./renewal.ts";

const firstRetryMs = 500;
const lastRetryMs = 30_000;
/** With less than this part of its life left, a certificate that can't be renewed is no warning any more but an alarm. */
const alarmRatio = 0.25;

/** Keeps the workload's certificate fresh. */
export interface CertificateKeeper {
  /** The last one; it stays in use when no other can be had. */
  readonly current: WorkloadCertificate | undefined;
  /** Why the last request failed; undefined when it didn't. */
  readonly problem: string | undefined;
  /** Asks for another one, within so many ms: a fleet that learns of something at once shouldn't ask at once. */
  renew(withinMs: number): void;
  stop(): void;
}

/** Asks for the first certificate at once, and for the next ones when they are due; each goes to `onCertificate`. */
export function keepCertificate(options: {
  readonly request: () => Promise<WorkloadCertificate>;
  readonly onCertificate: (certificate: WorkloadCertificate) => void;
  readonly graceRatio: number;
  readonly graceJitter: number;
  readonly counters: IdentityCounters;
  readonly log: Log;
}): CertificateKeeper {
  const { request, onCertificate, counters, log } = options;
  const stopping = new AbortController();
  let current: WorkloadCertificate | undefined;
  let problem: string | undefined;
  /** Ends the wait for the time of renewal. */
  let waiting = new AbortController();

  async function ask(): Promise<WorkloadCertificate> {
    const startedAt = performance.now();
    counters.requests += 1;
    try {
      return await request();
    } catch (error) {
      counters.failures += 1;
      throw error;
    } finally {
      counters.latencyMs += performance.now() - startedAt;
    }
  }

  /** Tries until there is one. */
  async function obtain(): Promise<WorkloadCertificate | undefined> {
    for (let attempt = 0; !stopping.signal.aborted; attempt++) {
      if (attempt > 0) counters.retries += 1;
      try {
        return await ask();
      } catch (error) {
        if (stopping.signal.aborted) return undefined;
        problem = (error as Error).message;
        const retryMs = backoffMs(attempt, firstRetryMs, longestPause(current));
        report(log, current, { error, advice: advice(error), attempt: attempt + 1, retryMs });
        await sleep(retryMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
    return undefined;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const certificate = await obtain();
      if (certificate === undefined) return;
      current = certificate;
      problem = undefined;
      const renewAt = renewalTime(certificate, options);
      log.info("certificate issued", {
        identity: certificate.leaf.subjectAltName,
        serial: certificate.leaf.serialNumber,
        ends: new Date(certificate.endsAt).toISOString(),
        renewal: new Date(renewAt).toISOString(),
      });
      onCertificate(certificate);
      waiting = new AbortController();
      await waitUntil(renewAt, AbortSignal.any([stopping.signal, waiting.signal]));
    }
  }

  void run();
  return {
    get current() {
      return current;
    },
    get problem() {
      return problem;
    },
    renew(withinMs) {
      const until = waiting;
      setTimeout(() => until.abort(), Math.random() * withinMs).unref();
    },
    stop: () => stopping.abort(),
  };
}

/** Short-lived certificates leave less time to try in. */
function longestPause(current: WorkloadCertificate | undefined): number {
  return current === undefined
    ? lastRetryMs
    : Math.min(lastRetryMs, Math.max(firstRetryMs, (current.endsAt - current.receivedAt) / 20));
}

function report(log: Log, current: WorkloadCertificate | undefined, fields: object): void {
  if (current === undefined) return log.warn("no certificate yet; peers can't be reached over mutual TLS", fields);
  const left = current.endsAt - Date.now();
  const all = { ...fields, ends: new Date(current.endsAt).toISOString() };
  if (left <= 0) return log.error("ALERT: the certificate has ended; peers refuse this workload", all);
  if (left < alarmRatio * (current.endsAt - current.receivedAt))
    return log.error("ALERT: the certificate ends soon and can't be renewed", all);
  return log.warn("the certificate can't be renewed; the old one goes on", all);
}

/** What an operator can do about it. */
function advice(error: unknown): string {
  if (!(error instanceof CallError)) return connectionAdvice(error);
  if (error.status === "16")
    return "is the service account token there, and for the audience that istiod takes (istio-ca)?";
  if (error.status === "7") return "istiod doesn't sign for this service account";
  if (error.status === "12") return "is this the address of a CA (CA_ADDR)?";
  return "see kubectl logs -n istio-system deploy/istiod";
}
