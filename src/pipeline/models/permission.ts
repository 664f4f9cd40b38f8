// Knows: which addresses a source needs, as narrow as possible: what the network worker permits while the source is in use.
import type { ModelSource } from '../../domain/model-source.ts'
import type { Permission } from '../../domain/traffic.ts'
import type { WebLlmModel } from '../../domain/web-llm.ts'
import { readHubLocation } from './model-address.ts'

/**
 * What a source needs from other origins than the page's (`page` is the page's address); undefined if nothing. `findModel` looks a model up in
 * WebLLM's catalogue, which is too large to be loaded before one of its models is chosen.
 */
export function permissionOf(
  source:
    | Exclude<ModelSource, { readonly kind: 'endpoint' }>
    | Pick<Extract<ModelSource, { readonly kind: 'endpoint' }>, 'kind' | 'url' | 'key'>,
  page: string,
  findModel: (id: string) => WebLlmModel | undefined,
): Permission | undefined {
  switch (source.kind) {
    case 'url':
      return isElsewhere(source.url, page)
        ? { purpose: 'file', addresses: [source.url], sends: false }
        : undefined
    case 'hub': {
      const location = readHubLocation(source.url)
      if (location === undefined || !isElsewhere(location.base, page)) return undefined
      const name = location.name.split('/').map(encodeURIComponent).join('/')
      return {
        purpose: 'hub',
        addresses: [`${location.base}/api/models/${name}`, `${location.base}/${name}/resolve/`],
        sends: false,
      }
    }
    case 'endpoint': {
      // Its programs have endpoints of their own next to those of the protocol, so all of the origin.
      const addresses = originsOf(source.url)
        .filter((origin) => isElsewhere(origin, page))
        .map((origin) => `${origin}/`)
      return addresses.length === 0
        ? undefined
        : { purpose: 'server', addresses, sends: true, ...(source.key ? { key: source.key } : {}) }
    }
    case 'web-llm': {
      const model = findModel(source.model)
      return model && { purpose: 'web-llm', addresses: [`${model.address}/`, model.library], sends: false }
    }
    case 'file':
    case 'files':
    case 'stored':
    case 'built-in':
    case 'student':
      return undefined
    default:
      return source satisfies never
  }
}

const isElsewhere = (url: string, page: string): boolean =>
  URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) && new URL(url).origin !== new URL(page).origin

/** The origins that a typed address may mean: without a scheme http or https, and this machine under its other names. */
function originsOf(typed: string): readonly string[] {
  const text = typed.trim().replace(/^["'`<]+|["'`>]+$/g, '')
  const hasScheme = /^[a-z][a-z\d+.-]*:\/\//i.test(text)
  const schemes = hasScheme ? [''] : ['http://', 'https://']
  return schemes.flatMap((scheme) => {
    if (!URL.canParse(scheme + text)) return []
    const { protocol, hostname, port } = new URL(scheme + text)
    const end = port === '' ? '' : `:${port}`
    const here = {
      '0.0.0.0': ['127.0.0.1', 'localhost'],
      '[::]': ['[::1]', 'localhost'],
      '[::1]': ['[::1]', 'localhost'],
    }
    const hosts = Object.entries(here).find(([name]) => name === hostname)?.[1] ?? [hostname]
    return hosts.map((host) => `${protocol}//${host}${end}`)
  })
}
