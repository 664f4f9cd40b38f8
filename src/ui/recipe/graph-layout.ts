// Knows: where the nodes and lines of a recipe's graph are drawn: a layer below the other, lines around what they pass.
// Must not know: what a recipe is.

export interface LayoutNode {
  readonly layer: number
  readonly title: string
  readonly name: string
}
export interface LayoutEdge {
  readonly from: number
  readonly to: number
  /** Shown next to the line. */
  readonly label: string
}

/** All in pixels. */
export interface PlacedNode {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  /** The title in lines that fit. */
  readonly lines: readonly string[]
  readonly name: string
}
export interface PlacedEdge {
  /** An SVG path from the bottom of one node to the top of another. */
  readonly path: string
}
export interface PlacedLabel {
  readonly x: number
  readonly y: number
  readonly text: string
}
export interface Layout {
  readonly width: number
  readonly height: number
  readonly nodes: readonly PlacedNode[]
  readonly edges: readonly PlacedEdge[]
  readonly labels: readonly PlacedLabel[]
}

export const LINE_HEIGHT = 18
export const PADDING = 10
const GAP = 18
const LAYER_GAP = 40
const MAX_NODE = 270
const MIN_NODE = 112
/** Width of a lane in which a line passes a layer. */
const LANE = 22
/** Mean width of a character of a title and of a name: both fonts' widest common ones fit. */
const CHARACTER = 7.6
const SMALL_CHARACTER = 7.4
const MAX_LINES = 4

interface Lane {
  readonly x: number
  readonly top: number
  readonly bottom: number
}

/** What a layer has side by side: a node, or the lane of all lines from one node that pass it. */
type Slot = { readonly node: number } | { readonly laneOf: number }

/** Draws a graph whose edges lead from lower layers to higher ones within a width; wider only if its nodes need it. */
export function arrangeGraph(
  nodes: readonly LayoutNode[],
  edges: readonly LayoutEdge[],
  available: number,
): Layout {
  const count = 1 + Math.max(0, ...nodes.map(({ layer }) => layer))
  const layers = Array.from({ length: count }, (_, layer): Slot[] => [
    ...nodes.flatMap((node, at) => (node.layer === layer ? [{ node: at }] : [])),
    ...nodes.flatMap((node, laneOf) =>
      node.layer < layer && edges.some(({ from, to }) => from === laneOf && layerOf(nodes, to) > layer)
        ? [{ laneOf }]
        : [],
    ),
  ])
  const width = Math.max(available, ...layers.map((slots) => widthOf(slots, MIN_NODE)))
  const placed: PlacedNode[] = []
  /** For each node the lanes of its lines, from top to bottom. */
  const lanes: Lane[][] = nodes.map(() => [])
  let y = 2
  for (const slots of layers) {
    const shared = (width - widthOf(slots, 0)) / Math.max(1, slots.filter((slot) => 'node' in slot).length)
    const each = Math.min(MAX_NODE, shared)
    const lines = slots.map((slot) =>
      'node' in slot ? wrapText(nodes[slot.node]?.title ?? '', (each - 2 * PADDING) / CHARACTER) : [],
    )
    const hasName = slots.some((slot) => 'node' in slot && nodes[slot.node]?.name !== '')
    const height =
      2 * PADDING + LINE_HEIGHT * (Math.max(1, ...lines.map((one) => one.length)) + (hasName ? 1 : 0))
    let x = (width - widthOf(slots, each)) / 2
    slots.forEach((slot, at) => {
      if ('node' in slot) {
        const name = cut(nodes[slot.node]?.name ?? '', (each - 2 * PADDING) / SMALL_CHARACTER)
        placed[slot.node] = { x, y, width: each, height, lines: lines[at] ?? [], name }
        x += each + GAP
      } else {
        lanes[slot.laneOf]?.push({ x: x + LANE / 2, top: y, bottom: y + height })
        x += LANE + GAP
      }
    })
    y += height + LAYER_GAP
  }
  return {
    width,
    height: y - LAYER_GAP + 2,
    nodes: placed,
    edges: edges.map((edge) => ({ path: drawLine(placed, edge, lanes[edge.from] ?? []) })),
    labels: placeLabels(placed, nodes, edges),
  }
}

const layerOf = (nodes: readonly LayoutNode[], at: number): number => nodes[at]?.layer ?? 0

/** Width of a layer whose nodes have this one. */
const widthOf = (slots: readonly Slot[], node: number): number =>
  slots.reduce((sum, slot) => sum + ('node' in slot ? node : LANE), 0) + GAP * Math.max(0, slots.length - 1)

function drawLine(placed: readonly PlacedNode[], { from, to }: LayoutEdge, lanes: readonly Lane[]): string {
  const [a, b] = [placed[from], placed[to]]
  if (a === undefined || b === undefined) return ''
  let at = { x: middle(a), y: a.y + a.height }
  let path = `M ${at.x} ${at.y}`
  const curveTo = (x: number, y: number): void => {
    const half = (y - at.y) / 2
    path += ` C ${at.x} ${at.y + half} ${x} ${y - half} ${x} ${y}`
    at = { x, y }
  }
  for (const { x, top, bottom } of lanes) {
    if (top >= b.y) break
    curveTo(x, top)
    path += ` L ${x} ${bottom}`
    at = { x, y: bottom }
  }
  curveTo(middle(b), b.y - 2)
  return path
}

const middle = ({ x, width }: PlacedNode): number => x + width / 2

/** One label above each layer for all lines that end there. */
function placeLabels(
  placed: readonly PlacedNode[],
  nodes: readonly LayoutNode[],
  edges: readonly LayoutEdge[],
): PlacedLabel[] {
  const labels = new Map<number, PlacedLabel>()
  edges.forEach(({ to, label }) => {
    const node = placed[to]
    const layer = layerOf(nodes, to)
    if (node === undefined || labels.has(layer)) return
    labels.set(layer, { x: middle(node) + 10, y: node.y - LAYER_GAP / 2 + 8, text: label })
  })
  return [...labels.values()]
}

/** Lines of at most this many characters, broken at spaces; what is beyond the last line is cut. */
export function wrapText(text: string, characters: number): string[] {
  const max = Math.max(4, Math.floor(characters))
  const lines: string[] = []
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= max)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(cut(word, max))
  }
  if (lines.length <= MAX_LINES) return lines
  return [...lines.slice(0, MAX_LINES - 1), cut(`${lines[MAX_LINES - 1]}…`, max)]
}

const cut = (text: string, characters: number): string => {
  const max = Math.max(4, Math.floor(characters))
  return text.length > max ? `${text.slice(0, max - 1)}…` : text
}
