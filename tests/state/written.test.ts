import { expect, test } from 'vitest'
import { showWritten } from '../../src/ui/parts/format.ts'

test('what a model wrote is shown so that it can be looked at', () => {
  const shown: readonly (readonly [string, string])[] = [
    ['', '(nothing)'],
    ['   ', '(spaces and nothing else)'],
    ['\n', '(1 line break and nothing else)'],
    ['\n'.repeat(40), '(40 line breaks and nothing else)'],
    ['One\n\ntwo', 'One\n\ntwo'],
    ['One \n \n\n\n\ntwo', 'One ⏎ × 5\ntwo'],
  ]
  for (const [written, wanted] of shown) expect(showWritten(written)).toBe(wanted)
})
