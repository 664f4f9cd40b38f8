import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  compileChatTemplate,
  type TemplateValue,
} from '../../../../src/engine/tokenizers/templates/chat-template.ts'

interface Oracle {
  readonly variables: Readonly<Record<string, unknown>>
  readonly cases: readonly { readonly template: string; readonly right: string | null }[]
}
const { variables, cases } = JSON.parse(
  readFileSync(new URL('../../../oracles/jinja.json', import.meta.url), 'utf8'),
) as Oracle

/** Constructs that are refused although Python renders them; each must be named. */
const REFUSED: Readonly<Record<string, string>> = {
  "{{ '%05d' % 3 }}": '%0',
  "{{ '{:>3}'.format(1) }}": ':>3',
  '{{ items | batch(2) | list }}': 'batch',
  "{{ 'a b' | wordcount }}": 'wordcount',
  '{{ deep | xmlattr }}': 'xmlattr',
  "{{ {1: 'a'}[1] }}": 'key',
}

test.each(cases)('renders as Python does, or names the construct: $template', ({ template, right }) => {
  const { tools: _, ...others } = variables
  const render = (): string =>
    compileChatTemplate(template, others as Record<string, TemplateValue>).render([], false)
  const refused = REFUSED[template]
  if (right === null) expect(render).toThrow(/chat template/)
  else if (refused !== undefined) expect(render).toThrow(refused)
  else expect(render()).toBe(right)
})
