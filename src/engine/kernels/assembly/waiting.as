// Waiting on a word of shared memory: for a while by reading it again and again, then asleep. No wake-up is lost: who sleeps is counted
// before the word is read for the last time, and who changes the word reads that count afterwards.

/** Reads before a thread sleeps: a few tenths of a millisecond. */
@inline const SPINS: i32 = 100000;
/** Nanoseconds after which a program is given up: a thread that took a chunk must have died. */
@inline const LIMIT: i64 = 60000000000;

/** Waits until the word at p is `wanted`. */
export function waitUntil(p: usize, wanted: i32, sleepers: usize): void {
  if (ASC_FEATURE_THREADS) {
    for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(p) == wanted) return;
    atomic.add<i32>(sleepers, 1);
    for (;;) {
      const now = atomic.load<i32>(p);
      if (now == wanted) break;
      if (atomic.wait<i32>(p, now, LIMIT) == AtomicWaitResult.TIMED_OUT) unreachable();
    }
    atomic.sub<i32>(sleepers, 1);
  }
}

/** Waits until the word at p is no longer `old`, for ever; returns it. */
export function waitForChange(p: usize, old: i32, sleepers: usize): i32 {
  if (ASC_FEATURE_THREADS) {
    for (let i = 0; i < SPINS; i++) {
      const now = atomic.load<i32>(p);
      if (now != old) return now;
    }
    atomic.add<i32>(sleepers, 1);
    while (atomic.load<i32>(p) == old) atomic.wait<i32>(p, old, -1);
    atomic.sub<i32>(sleepers, 1);
    return atomic.load<i32>(p);
  }
  return old;
}

/** Wakes all who wait for the word at p; call after it was changed. */
export function wake(p: usize, sleepers: usize): void {
  if (ASC_FEATURE_THREADS) {
    if (atomic.load<i32>(sleepers) > 0) atomic.notify(p, -1);
  }
}
