// Knows: syntax of Jinja that the package's parser lacks, put into a form that it has.
// Must not know: what constructs do.
import { parse, tokenize } from '@huggingface/jinja'
import { TEST_PREFIX } from './python-filters.ts'

type Tokens = ReturnType<typeof tokenize>

/** Throws an Error if the template cannot be parsed. */
export function parseTemplate(template: string): ReturnType<typeof parse> {
  const tokens = tokenize(writeRaw(template), { lstrip_blocks: true, trim_blocks: true })
  return parse(testsAsFilters(tokens))
}

const RAW = /\{%([-+]?)\s*raw\s*(-?)%\}/g
const END_RAW = /\{%([-+]?)\s*endraw\s*(-?)%\}/g

/** `{% raw %}` as a text in an expression. Linear in the template, which is untrusted. */
function writeRaw(template: string): string {
  const out: string[] = []
  let from = 0
  for (;;) {
    RAW.lastIndex = from
    const open = RAW.exec(template)
    if (open === null) break
    END_RAW.lastIndex = RAW.lastIndex
    const close = END_RAW.exec(template)
    if (close === null) break
    const [, before, stripsStart] = open
    const [, stripsEnd, after] = close
    let begin = open.index
    while (begin > from && isBlank(template[begin - 1])) begin -= 1
    // Blanks count as the tag's indent only if nothing else is before it in its line.
    if (begin > 0 && template[begin - 1] !== '\n') begin = open.index
    const text = textOfRaw(template.slice(RAW.lastIndex, close.index), {
      stripsStart: stripsStart === '-',
      stripsEnd: stripsEnd === '-',
    })
    const quoted = text
      .replaceAll('\\', '\\\\')
      .replaceAll("'", "\\'")
      .replaceAll('\n', '\\n')
      .replaceAll('\r', '\\r')
    out.push(
      template.slice(from, before === '+' ? open.index : begin),
      `{{${before === '-' ? '-' : ''} '${quoted}' ${after === '-' ? '-' : ''}}}`,
    )
    from = END_RAW.lastIndex + (template[END_RAW.lastIndex] === '\n' ? 1 : 0)
  }
  return out.join('') + template.slice(from)
}

const isBlank = (character: string | undefined): boolean => character === ' ' || character === '\t'

/** What a raw block writes: without the indent of its end tag, if that is alone in its line. */
function textOfRaw(
  inner: string,
  { stripsStart, stripsEnd }: { readonly stripsStart: boolean; readonly stripsEnd: boolean },
): string {
  let end = inner.length
  while (end > 0 && isBlank(inner[end - 1])) end -= 1
  const body = inner.slice(0, end)
  const whole = stripsStart ? body.trimStart() : body
  if (stripsEnd) return whole.trimEnd()
  return whole.endsWith('\n') || whole === '' ? whole : whole + inner.slice(end)
}

/** Words that may follow a test without being its argument. */
const NO_ARGUMENT: ReadonlySet<string> = new Set(['and', 'or', 'else', 'if', 'in', 'is', 'not', 'recursive'])

/** `x is divisibleby(3)` and `x is divisibleby 3` as a filter, which the parser reads with its argument. */
function testsAsFilters(tokens: Tokens): Tokens {
  const out: Tokens = []
  const make = (value: string, type: Tokens[number]['type']): Tokens[number] => ({ value, type })
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as Tokens[number]
    const isNot = tokens[i + 1]?.type === 'Identifier' && tokens[i + 1]?.value === 'not'
    const name = tokens[i + (isNot ? 2 : 1)]
    const next = tokens[i + (isNot ? 3 : 2)]
    const isTest =
      token.type === 'Identifier' &&
      token.value === 'is' &&
      tokens[i - 1]?.type !== 'Dot' &&
      tokens[i - 1]?.type !== 'OpenStatement' &&
      name?.type === 'Identifier'
    const isCall = next?.type === 'OpenParen'
    const isBare =
      next?.type === 'NumericLiteral' ||
      next?.type === 'StringLiteral' ||
      (next?.type === 'Identifier' && !NO_ARGUMENT.has(next.value))
    if (!isTest || !(isCall || isBare)) {
      out.push(token)
      continue
    }
    out.push(make('|', 'Pipe'), make(`${TEST_PREFIX}${isNot ? 'not ' : ''}${name.value}`, 'Identifier'))
    i += isNot ? 2 : 1
    if (isBare) {
      out.push(make('(', 'OpenParen'), next, make(')', 'CloseParen'))
      i += 1
    }
  }
  return out
}
