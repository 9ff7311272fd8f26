import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

const SWAGGER_UI = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

const ASSETS = {
  'swagger-ui.css': 'text/css',
  'swagger-ui-bundle.js': 'text/javascript',
  'favicon-32x32.png': 'image/png',
};

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Freehold API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" href="/docs/assets/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;
const START = "SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true });\n";

/** Serves the API's description: /openapi.json for programs, /docs for people. Needs no account and nothing from elsewhere. */
export function serveDocs(app: NestFastifyApplication, document: object): void {
  const json = JSON.stringify(document);
  const server = app.getHttpAdapter().getInstance();
  for (const [name, type] of Object.entries(ASSETS)) {
    server.get(`/docs/assets/${name}`, (_request, reply) =>
      reply
        .type(type)
        .header('cache-control', 'public, max-age=86400')
        .send(createReadStream(join(SWAGGER_UI, name))),
    );
  }
  const security = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
  server.get('/openapi.json', (_request, reply) => reply.type('application/json').send(json));
  server.get('/docs', (_request, reply) =>
    reply.type('text/html').header('content-security-policy', security).send(PAGE),
  );
  server.get('/docs/start.js', (_request, reply) => reply.type('text/javascript').send(START));
}
