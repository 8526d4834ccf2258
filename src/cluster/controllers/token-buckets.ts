/** Rate limits by key. */
export interface TokenBuckets {
  /** False when the key has used up what it may. */
  take(key: string): boolean;
}

/** Each key may burst, then gets one token every `refillEveryMs`. At most `maxKeys` are remembered; the one unused longest goes. */
export function createTokenBuckets(
  rate: { readonly burst: number; readonly refillEveryMs: number },
  maxKeys: number,
  now: () => number = Date.now,
): TokenBuckets {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return {
    take(key) {
      const time = now();
      const bucket = buckets.get(key) ?? { tokens: rate.burst, at: time };
      buckets.delete(key);
      buckets.set(key, bucket);
      const oldest = buckets.keys().next().value;
      if (buckets.size > maxKeys && oldest !== undefined) buckets.delete(oldest);
      bucket.tokens = Math.min(rate.burst, bucket.tokens + (time - bucket.at) / rate.refillEveryMs);
      bucket.at = time;
      if (bucket.tokens < 1) return false;
      bucket.tokens -= 1;
      return true;
    },
  };
}
