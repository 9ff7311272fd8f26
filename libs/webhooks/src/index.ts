export { WEBHOOK_TOPIC } from './app/topics.js';
export { WebhooksApiModule, WebhooksWorkerModule } from './webhooks.module.js';
