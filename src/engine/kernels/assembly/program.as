// A program is a list of operations, each divided into chunks that threads take from a shared counter; an operation begins when the one
// before is complete. Words of each record: program.ts.
import {
  OP_ATTEND, OP_GATE, OP_NORM, OP_PRODUCT, OP_ROTATE, OP_ROUND, RECORD_BYTES, RECORD_COMPLETE, RECORD_SLEEPERS, RECORD_TAKEN,
} from './constants'
import { POSITIONS } from './attention-tiles'
import { attendRow } from './attention'
import { gateRow } from './gate'
import { addNormedRow, addRow, normRow } from './norm'
import { multiply } from './products'
import { rotateRow } from './rotate'
import { roundRow } from './round'
import { waitUntil, wake } from './waiting'

@inline function word(op: usize, i: usize): i32 { return load<i32>(op + i * 4); }
@inline function address(op: usize, i: usize): usize { return <usize>load<u32>(op + i * 4); }
@inline function real(op: usize, i: usize): f32 { return load<f32>(op + i * 4); }

function execute(op: usize, chunk: i32, thread: i32): void {
  const code = word(op, 0);
  if (code == OP_PRODUCT) {
    const per = word(op, 7), n0 = chunk * per;
    multiply(word(op, 2), address(op, 3), address(op, 4), address(op, 5), n0, min(n0 + per, word(op, 6)), word(op, 8), word(op, 9), address(op, 11), address(op, 10), address(op, 12) + <usize>thread * address(op, 13));
  } else if (code == OP_NORM) {
    const x = address(op, 2), t = address(op, 3), post = address(op, 4), weight = address(op, 5), y = address(op, 6);
    const width = word(op, 8), bytes = <usize>word(op, 9) * 4, epsilon = real(op, 10), a = address(op, 11), index = address(op, 12);
    const per = word(op, 13), end = min(word(op, 7), (chunk + 1) * per);
    for (let r = chunk * per; r < end; r++) {
      const from = index ? load<i32>(index + <usize>r * 4) : r, row = <usize>from * bytes, to = y + <usize>r * bytes;
      if (t) {
        if (post) addNormedRow(x + row, t + row, post, bytes, width, epsilon);
        else addRow(x + row, t + row, bytes);
      }
      normRow(x + row, weight, to, bytes, width, epsilon);
      if (a) roundRow(to, a, r, word(op, 9) >> 5);
    }
  } else if (code == OP_ATTEND) {
    const rows = word(op, 15), m = chunk % rows, g = chunk / rows, heads = word(op, 8), kvHeads = word(op, 9), width = word(op, 10);
    const group = heads / kvHeads, position = load<i32>(address(op, 4) + <usize>m * 4), window = word(op, 12);
    const first = window > 0 ? max(0, position + 1 - window) : 0, column = <usize>(g * group * width) * 4;
    attendRow(
      address(op, 2) + <usize>m * address(op, 3) + column, address(address(op, 5), <usize>m), address(op, 11), g, group, width, first, position,
      address(op, 6) + <usize>m * address(op, 7) + column, address(op, 13) + <usize>thread * address(op, 14),
    );
  } else if (code == OP_ROTATE) {
    const position = load<i32>(address(op, 4) + <usize>chunk * 4), pages = address(address(op, 5), <usize>chunk);
    rotateRow(
      address(op, 2) + <usize>chunk * address(op, 3), address(op, 6), address(op, 7), address(op, 8), address(op, 9), address(op, 10),
      word(op, 11), word(op, 12), word(op, 13), real(op, 14), real(op, 15), position,
      address(pages, <usize>(position / POSITIONS)) + address(op, 16),
    );
  } else if (code == OP_GATE) {
    const end = min(word(op, 8), (chunk + 1) * word(op, 10)), a = address(op, 9), ldh = address(op, 6);
    for (let r = chunk * word(op, 10); r < end; r++) {
      const h = address(op, 5) + <usize>r * ldh;
      gateRow(address(op, 2) + <usize>r * address(op, 3), word(op, 4), h, word(op, 7) != 0);
      if (a) roundRow(h, a, r, <i32>(ldh >> 7));
    }
  } else if (code == OP_ROUND) {
    const end = min(word(op, 5), (chunk + 1) * word(op, 7));
    for (let r = chunk * word(op, 7); r < end; r++)
      roundRow(address(op, 2) + <usize>r * address(op, 3), address(op, 4), r, word(op, 6) >> 5);
  } else unreachable();
}

/** Runs a program to its end; every thread that takes part calls it. */
export function run(program: usize, operations: i32, thread: i32): void {
  for (let i = 0; i < operations; i++) {
    const op = program + <usize>i * <usize>RECORD_BYTES, chunks = word(op, 1);
    if (ASC_FEATURE_THREADS) {
      for (;;) {
        const chunk = atomic.add<i32>(op, 1, RECORD_TAKEN);
        if (chunk >= chunks) break;
        execute(op, chunk, thread);
        if (atomic.add<i32>(op, 1, RECORD_COMPLETE) == chunks - 1) wake(op + <usize>RECORD_COMPLETE, op + <usize>RECORD_SLEEPERS);
      }
      waitUntil(op + <usize>RECORD_COMPLETE, chunks, op + <usize>RECORD_SLEEPERS);
    } else for (let chunk = 0; chunk < chunks; chunk++) execute(op, chunk, thread);
  }
}
