// Knows: what a template of a person's own may do, and that an untrusted one ends with a sentence.
import { expect, test } from 'vitest'
import { compileRowTemplate } from '../../../src/pipeline/tagging/row-template.ts'
import type { TemplateValues } from '../../../src/pipeline/tagging/template-language.ts'

const VALUES: TemplateValues = {
  prompt: 'Why?',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'It rains.' },
    { role: 'assistant', content: 'So it does.' },
    { role: 'user', content: 'Why?' },
  ],
  conversation: 'System: Be brief.\n\nUser: It rains.\n\nAssistant: So it does.\n\nUser: Why?',
  completion: 'Because of the wind.',
  reference: '',
  fields: { topic: 'weather', level: 3, 'two words': 'x' },
}
function fill(text: string, values = VALUES): string {
  const compiled = compileRowTemplate(text)
  if (!compiled.ok) throw new Error(compiled.problems[0]?.sentence)
  return compiled.value(values)
}
const problemOf = (text: string): string | undefined => {
  const compiled = compileRowTemplate(text)
  return compiled.ok ? undefined : compiled.problems[0]?.sentence
}

test.each([
  ['{{ prompt }} / {{ completion | upper }}', 'Why? / BECAUSE OF THE WIND.'],
  ['{{ fields.topic }} {{ fields["two words"] }} {{ fields.level + 1 }}', 'weather x 4'],
  ['{% if reference %}known{% else %}unknown{% endif %}', 'unknown'],
  [
    '{% for name, value in fields | items %}{{ loop.index }}{{ name }}={{ value }};{% endfor %}',
    '1topic=weather;2level=3;3two words=x;',
  ],
  ['{% set short = completion[:7] %}{{ short | trim }}!', 'Because!'],
  ['{{ fields.missing | default("none") }}{# a comment #}', 'none'],
  ['{{ "yes" if "wind" in completion else "no" }}', 'yes'],
  [
    '{% for turn in messages %}{{ turn.role }}:{{ turn.content }};{% endfor %}',
    'system:Be brief.;user:It rains.;assistant:So it does.;user:Why?;',
  ],
  ['{{ messages | length }} {{ messages[-1].content }}', '4 Why?'],
  ['{{ conversation }}', 'System: Be brief.\n\nUser: It rains.\n\nAssistant: So it does.\n\nUser: Why?'],
  ['{{ prompt is defined and not (fields.level is none) }}', 'true'],
])('fills in %s', (text, filled) => {
  expect(fill(text).toLowerCase()).toBe(filled.toLowerCase())
})

test('never reads a row as a template', () => {
  expect(fill('{{ completion }}', { ...VALUES, completion: '{{ prompt }}{% bad' })).toBe('{{ prompt }}{% bad')
})

test.each([
  ['{{ prompt', /./],
  ['{% if prompt %}x', /./],
  ['{{ response }}', /`response`.*prompt, messages, conversation, completion/],
  ['{{ prompt | tojson }}', /filter “tojson”/],
  ['{{ completion | replace("", completion) }}', /filter “replace”/],
  ['{{ range(10) }}', /call expression/],
  ['{% macro m() %}{% endmacro %}', /macro/],
  ['{{ {"a": 1} }}', /object literal/],
])('refuses %s with a sentence', (text, sentence) => {
  expect(problemOf(text)).toMatch(sentence)
})

test('ends a template that repeats itself too often or grows too large', () => {
  const list = `[${Array.from({ length: 60 }, (_, i) => i).join(',')}]`
  const nested = ['a', 'b', 'c', 'd'].map((name) => `{% for ${name} in ${list} %}`).join('')
  expect(() => fill(`${nested}x${'{% endfor %}'.repeat(4)}`)).toThrow(/more than 20000 steps/)
  const double = '{% set prompt = prompt ~ prompt %}'.repeat(40)
  expect(() => fill(`${double}{{ prompt }}`)).toThrow(/more than 200000 characters/)
  expect(problemOf(`{{ ${'('.repeat(3000)}1${')'.repeat(3000)} }}`) ?? 'ended').toMatch(/nesting|ended/)
})
