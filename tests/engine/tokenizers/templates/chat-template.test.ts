import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileChatTemplate } from '../../../../src/engine/tokenizers/templates/chat-template.ts'

const render = (template: string, content = 'hi'): string =>
  compileChatTemplate(template, { eos_token: '</s>' }).render([{ role: 'user', content }], true)

describe('compileChatTemplate', () => {
  test('renders the messages, the generation prompt and the tokens', () => {
    expect(
      render(
        '{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}>{% endif %}',
      ),
    ).toBe('user: hi</s>>')
  })

  test('reports why a template rejects the messages', () => {
    expect(() => render("{{ raise_exception('roles must alternate') }}")).toThrow(
      /chat template failed.*roles must alternate/,
    )
  })

  test('throws a sentence if the template cannot be parsed', () => {
    expect(() => render('{% for %}')).toThrow(/chat template cannot be read/)
    expect(() => compileChatTemplate('x'.repeat(300_000), {})).toThrow(/longer than/)
  })

  test.each([
    [
      'loops within loops',
      '{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{{ a }}{% endfor %}{% endfor %}{% endfor %}',
    ],
    ['empty loops', '{% for a in range(20000) %}{% for b in range(20000) %}{% endfor %}{% endfor %}'],
    ['a huge range', '{{ range(1000000000) | length }}'],
    ['a range by a tiny step', '{% for a in range(0, 1000000, 1) %}{% endfor %}'],
    [
      'a text that doubles',
      "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
    ],
    [
      'a list that doubles',
      '{% set ns = namespace(x=[1,2]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x | length }}',
    ],
    ['a huge indentation', "{{ 'a\nb' | indent(400000000) }}"],
    ['a macro that calls itself', '{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}'],
    ['deep nesting', '{{ ' + '('.repeat(50_000) + '1' + ')'.repeat(50_000) + ' }}'],
    ['a raw block that never ends', '{% raw %}'.repeat(20_000)],
    ['a run of blanks', `{% raw %}${' '.repeat(200_000)}x`],
    ['the characters of a long text', "{{ ('ab' * 400000) | list | length }}"],
  ])('stops a template that would never end or exhaust memory: %s', (_, template) => {
    expect(() => render(template)).toThrow(/chat template/)
  })

  test.each([
    ['{{ range(20000) | unique | list | length }}', '20000'],
    ["{{ ('a ' * 300000) | length }}", '600000'],
    ["{{ ('ab' * 400000) | first }}{{ ('ab' * 400000) | last }}", 'ab'],
    ["{{ '🙂b' | first }}{{ 'b🙂' | last }}{{ '' | first }}", '🙂🙂'],
    ["{{ ['B', 'b', 1, true, [1], [1], 2] | unique | list | length }}", '4'],
  ])('%s takes a moment, not minutes', (template, text) => {
    expect(render(template)).toBe(text)
  })

  test('never hangs and throws only Errors for any template', () => {
    const part = fc.constantFrom(
      '{%',
      '%}',
      '{{',
      '}}',
      ' for ',
      ' in ',
      'range(9)',
      ' if ',
      ' else ',
      ' endif ',
      ' endfor ',
      ' set ',
      'x',
      ' = ',
      '[',
      ']',
      '(',
      ')',
      '|',
      'length',
      "'a'",
      '1',
      '.',
      'messages',
      '+',
      '~',
      ' macro ',
      '-',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
        try {
          expect(typeof render(parts.join(''))).toBe('string')
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Error)
          expect((thrown as Error).message).toMatch(/^The model's chat template (failed|cannot be read)/)
        }
      }),
      { numRuns: 500 },
    )
  })
})
