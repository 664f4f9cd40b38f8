// Knows: how to find a key that an object of a JSON text has twice; JSON.parse keeps the last value and says nothing.

/** The first key that occurs twice in one object of a valid JSON text; undefined if there is none. Linear in the text. */
export function findRepeatedKey(json: string): string | undefined {
  // A string, with the colon after it if it is a key; or a bracket.
  const token = /("(?:[^"\\]|\\.)*")\s*(:?)|[{}[\]]/gsu
  const open: (Set<string> | undefined)[] = []
  for (const [found, text, colon] of json.matchAll(token)) {
    if (found === '{') open.push(new Set())
    else if (found === '[') open.push(undefined)
    else if (found === '}' || found === ']') open.pop()
    else if (text !== undefined && colon === ':') {
      const key = String(JSON.parse(text))
      const keys = open.at(-1)
      if (keys?.has(key)) return key
      keys?.add(key)
    }
  }
  return undefined
}
