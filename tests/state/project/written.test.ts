import { expect, test } from 'vitest'
import { showWritten } from '../../../src/ui/parts/format.ts'

test('showWritten makes blank and spaced texts readable', () => {
  const shown: readonly (readonly [string, string])[] = [
    ['', '(empty)'],
    ['   ', '(spaces only)'],
    ['\n', '(1 line break only)'],
    ['\n'.repeat(40), '(40 line breaks only)'],
    ['One\n\ntwo', 'One\n\ntwo'],
    ['One \n \n\n\n\ntwo', 'One ⏎ × 5\ntwo'],
  ]
  for (const [written, wanted] of shown) expect(showWritten(written)).toBe(wanted)
})
