/** Runs the task for every item, sixteen at a time. */
export async function forEachAtOnce<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  const next = items.values();
  const worker = async (): Promise<void> => {
    for (const item of next) await task(item);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}
