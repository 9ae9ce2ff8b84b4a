#!/bin/sh
# Holds our imitations against the real systems. Installs them where root and apt exist; what is absent is reported as not run.
set -u
bin=.venv/bin

have() { command -v "$1" >/dev/null 2>&1; }

if [ "$(id -u)" = 0 ] && have apt-get && [ "${DRILLYARD_NO_APT:-}" = "" ]; then
  missing=""
  have rabbitmq-server || [ -x /usr/sbin/rabbitmq-server ] || missing="$missing rabbitmq-server"
  have chromium || missing="$missing chromium"
  have prometheus || missing="$missing prometheus"
  if [ -n "$missing" ]; then
    echo "Installing$missing …"
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing) >.oracles-log 2>&1 ||
      { tail -n 3 .oracles-log; echo "Not installed:$missing (see the lines above)."; }
    rm -f .oracles-log
  fi
fi

if [ -z "${DRILLYARD_RABBITMQ_URL:-}" ] && [ "$(id -u)" = 0 ] && [ -x /usr/sbin/rabbitmq-server ]; then
  PATH=$PATH:/usr/sbin
  rabbitmqctl -q await_startup --timeout 5 >/dev/null 2>&1 || rabbitmq-server -detached >/dev/null 2>&1
  if rabbitmqctl -q await_startup --timeout 60 >/dev/null 2>&1; then
    rabbitmq-plugins -q enable rabbitmq_management >/dev/null 2>&1
    DRILLYARD_RABBITMQ_URL=amqp://guest:guest@127.0.0.1:5672/
    DRILLYARD_RABBITMQ_MANAGEMENT_URL=http://guest:guest@127.0.0.1:15672
    export DRILLYARD_RABBITMQ_URL DRILLYARD_RABBITMQ_MANAGEMENT_URL
  fi
fi

# Client libraries of Kubernetes: not in the locks, because nothing of ours uses them.
[ -d .oracles/python/kr8s ] || $bin/uv pip install -q --target .oracles/python kubernetes==37.0.2 kr8s==0.20.15 || rm -rf .oracles/python
if have npm && [ ! -d .oracles/node_modules ]; then
  npm install --silent --no-save --prefix .oracles @kubernetes/client-node@1.4.0 >/dev/null 2>&1 || rm -rf .oracles/node_modules
fi

[ -n "${DRILLYARD_RABBITMQ_URL:-}" ] && echo "oracle RabbitMQ: $DRILLYARD_RABBITMQ_URL" || echo "oracle RabbitMQ: not run (none here; set DRILLYARD_RABBITMQ_URL)"
have chromium && echo "oracle Chromium: $(chromium --version 2>/dev/null | head -n 1)" || echo "oracle Chromium: not run (none on PATH)"
have promtool && echo "oracle Prometheus: $(prometheus --version 2>&1 | head -n 1 | cut -d ' ' -f 1-3)" || echo "oracle Prometheus: not run (none on PATH)"
have kubectl && echo "oracle kubectl: the one on PATH as well as the wheel's" || echo "oracle kubectl: the wheel's only"
[ -d .oracles/python ] && echo "oracle Kubernetes clients: Python" || echo "oracle Kubernetes clients: Python's not run (not installed)"
[ -d .oracles/node_modules ] && echo "oracle Kubernetes clients: Node" || echo "oracle Kubernetes clients: Node's not run (no npm, or not installed)"

exec $bin/python -m pytest -q -rs -m oracle
