// Knows: how the headers and the policy are added to the built page and to the local servers.
import type { Connect, Plugin } from 'vite'
import { developmentPolicyOf, headersOf, ISOLATION_HEADERS, POLICY_FOR_META } from './headers.ts'

const sendHeaders: Connect.NextHandleFunction = (request, response, next) => {
  for (const [name, value] of Object.entries(
    headersOf(new URL(request.url ?? '/', 'http://localhost').pathname),
  ))
    response.setHeader(name, value)
  next()
}

const sendDevelopmentPolicy: Connect.NextHandleFunction = (request, response, next) => {
  response.setHeader(
    'Content-Security-Policy',
    developmentPolicyOf(request.originalUrl ?? request.url ?? '/', request.headers.host ?? 'localhost'),
  )
  next()
}

/**
 * Writes the content security policy into the built `index.html`, so that it applies on hosts that send no headers,
 * and sends headers from the local servers. A worker's policy comes with its own script, so headers depend on the path.
 */
export function hostingPolicy(): Plugin {
  return {
    name: 'retort:policy',
    config: () => ({ server: { headers: { ...ISOLATION_HEADERS } } }),
    configureServer: (server) => void server.middlewares.use(sendDevelopmentPolicy),
    configurePreviewServer: (server) => void server.middlewares.use(sendHeaders),
    transformIndexHtml: {
      order: 'post',
      handler: (html, context) =>
        context.server === undefined
          ? html.replace(
              /<head>/i,
              `<head>\n    <meta http-equiv="Content-Security-Policy" content="${POLICY_FOR_META}" />`,
            )
          : html,
    },
  }
}
