export { destroyTestCluster as default } from './test-cluster.mjs';
