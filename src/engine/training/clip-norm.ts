// Knows: clipping by the global norm of all gradients, as torch.nn.utils.clip_grad_norm_ does it.
import type { Graph, Value } from '../graph/graph.ts'
import { add, div, minimum, reduceSumSquare, reshape, sqrt } from '../graph/ops/index.ts'

/**
 * The global norm of all gradients (a scalar), and the factor min(1, maxNorm / (norm + 1e-6)); no factor if maxNorm is
 * 0.
 */
export function clipByNorm(
  g: Graph,
  gradients: readonly Value[],
  maxNorm: number,
): { norm: Value; scale: Value | null } {
  const squares = gradients.map((gradient) =>
    reshape(
      g,
      reduceSumSquare(
        g,
        gradient,
        gradient.shape.map((_, axis) => axis),
      ),
      [],
    ),
  )
  const norm = sqrt(
    g,
    squares.reduce((a, b) => add(g, a, b)),
  )
  return {
    norm,
    scale:
      maxNorm > 0 ? minimum(g, div(g, g.scalar(maxNorm), add(g, norm, g.scalar(1e-6))), g.scalar(1)) : null,
  }
}
