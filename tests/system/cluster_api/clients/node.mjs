// @kubernetes/client-node against the cluster of KUBECONFIG; prints one JSON object of what it saw.
import net from 'node:net';
import { Writable } from 'node:stream';
import * as k8s from '@kubernetes/client-node';

const namespace = 'sock-shop';
const config = new k8s.KubeConfig();
config.loadFromFile(process.env.KUBECONFIG);
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const seen = {};

function sink(heard) {
  return new Writable({ write(chunk, _, done) { heard(chunk.toString()); done(); } });
}

const pods = (await core.listNamespacedPod({ namespace, labelSelector: 'name=payment' })).items;
const pod = pods[0].metadata.name;
seen.list = pods.length;

seen.watch = await new Promise((resolve, reject) => {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  new k8s.Watch(config).watch(path, { labelSelector: 'name=payment' }, (type) => resolve(type), reject);
});

const body = { metadata: { annotations: { by: 'node' } } };
const merge = k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.StrategicMergePatch);
seen.patch = (await apps.patchNamespacedDeployment({ name: 'payment', namespace, body }, merge)).metadata.annotations.by;

function run(command, input = null) {
  return new Promise((resolve, reject) => {
    let out = '';
    const heard = sink((text) => { out += text; });
    const ended = (status) => resolve({ out, code: Number(status.details?.causes[0].message ?? 0) });
    new k8s.Exec(config).exec(namespace, pod, 'payment', command, heard, sink(() => {}), input, false, ended).catch(reject);
  });
}
seen.exec = (await run(['echo', 'hello'])).out;
seen['exit code'] = (await run(['fail', '3'])).code;

seen.logs = await new Promise((resolve, reject) => {
  new k8s.Log(config).log(namespace, pod, 'payment', sink(resolve), { tailLines: 1 }).catch(reject);
});

seen['port-forward'] = await new Promise((resolve, reject) => {
  const forward = new k8s.PortForward(config);
  const server = net.createServer((socket) => forward.portForward(namespace, pod, [80], socket, null, socket).catch(reject));
  server.listen(0, '127.0.0.1', () => {
    const client = net.connect(server.address().port, '127.0.0.1', () => client.write('echo me'));
    client.on('data', (data) => resolve(data.toString()));
  });
});

process.stdout.write(JSON.stringify(seen), () => process.exit(0));
