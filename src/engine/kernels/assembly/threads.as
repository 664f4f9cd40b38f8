// How the thread that leads and its helpers meet at a program. A helper that comes late joins at the operation that is running, or finds
// the program closed and waits for the next; the leader waits for helpers that are inside only, never for one that was not woken yet.
import {
  CONTROL_INSIDE, CONTROL_LIMIT, CONTROL_OPEN, CONTROL_OPERATIONS, CONTROL_PROGRAM, CONTROL_QUIT, CONTROL_READY, CONTROL_SEQUENCE, CONTROL_SLEEPERS,
} from './constants'
import { run } from './program'
import { waitForChange, waitUntil, wake } from './waiting'

/** The leader runs a program together with the helpers that are there. */
export function lead(control: usize, program: usize, operations: i32): void {
  if (ASC_FEATURE_THREADS) {
    store<u32>(control, <u32>program, CONTROL_PROGRAM);
    store<i32>(control, operations, CONTROL_OPERATIONS);
    let sequence = load<i32>(control, CONTROL_SEQUENCE) + 1;
    if (sequence == 0) sequence = 1; // 0 means: none is open
    atomic.store<i32>(control, sequence, CONTROL_OPEN);
    atomic.store<i32>(control, sequence, CONTROL_SEQUENCE);
    wake(control + <usize>CONTROL_SEQUENCE, control + <usize>CONTROL_SLEEPERS);
    run(program, operations, 0);
    atomic.store<i32>(control, 0, CONTROL_OPEN);
    // The record of a program must not change while a helper reads it.
    waitUntil(control + <usize>CONTROL_INSIDE, 0, control + <usize>CONTROL_SLEEPERS);
  } else run(program, operations, 0);
}

/** A helper serves until `quit` is set to its number or below; `thread` is 1 or more. */
export function serve(control: usize, thread: i32): void {
  if (ASC_FEATURE_THREADS) {
    atomic.add<i32>(control, 1, CONTROL_READY);
    let seen = 0;
    for (;;) {
      seen = waitForChange(control + <usize>CONTROL_SEQUENCE, seen, control + <usize>CONTROL_SLEEPERS);
      const quit = atomic.load<i32>(control, CONTROL_QUIT), limit = atomic.load<i32>(control, CONTROL_LIMIT);
      if (quit && thread >= quit) break;
      if (limit && thread >= limit) continue;
      atomic.add<i32>(control, 1, CONTROL_INSIDE);
      if (atomic.load<i32>(control, CONTROL_OPEN) == seen)
        run(<usize>load<u32>(control, CONTROL_PROGRAM), load<i32>(control, CONTROL_OPERATIONS), thread);
      atomic.sub<i32>(control, 1, CONTROL_INSIDE);
      wake(control + <usize>CONTROL_INSIDE, control + <usize>CONTROL_SLEEPERS);
    }
    atomic.sub<i32>(control, 1, CONTROL_READY);
  }
}

/** Lets helpers of the number `first` and above return from `serve`. */
export function dismiss(control: usize, first: i32): void {
  if (ASC_FEATURE_THREADS) {
    atomic.store<i32>(control, first, CONTROL_QUIT);
    atomic.add<i32>(control, 1, CONTROL_SEQUENCE);
    wake(control + <usize>CONTROL_SEQUENCE, control + <usize>CONTROL_SLEEPERS);
  }
}
