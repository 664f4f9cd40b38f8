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

const RAW = /(^[ \t]*)?\{%([-+]?)\s*raw\s*(-?)%\}(\n?)([\s\S]*?)([ \t]*)\{%([-+]?)\s*endraw\s*(-?)%\}(\n?)/gm

/** `{% raw %}` as a text in an expression. */
const writeRaw = (template: string): string =>
  template.replaceAll(
    RAW,
    (
      _,
      indent: string | undefined,
      before: string,
      stripsStart: string,
      first: string,
      body: string,
      last: string,
      stripsEnd: string,
      after: string,
    ) => {
      const whole = stripsStart === '-' ? body.trimStart() : first + body
      const isOwnLine = whole.endsWith('\n') || whole === ''
      const text = stripsEnd === '-' ? whole.trimEnd() : isOwnLine ? whole : whole + last
      const quoted = text
        .replaceAll('\\', '\\\\')
        .replaceAll("'", "\\'")
        .replaceAll('\n', '\\n')
        .replaceAll('\r', '\\r')
      return `${before === '+' ? (indent ?? '') : ''}{{${before === '-' ? '-' : ''} '${quoted}' ${after === '-' ? '-' : ''}}}`
    },
  )

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
