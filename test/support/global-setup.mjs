export { startTestCluster as default } from './test-cluster.mjs';
