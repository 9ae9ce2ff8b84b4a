"""Datadog's own Python client, unmodified, against the server: every call must give typed answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme

from .conftest import Server

datadog_api_client = pytest.importorskip("datadog_api_client", reason="the official client is not installed")
pytestmark = [
    pytest.mark.oracle,
    # The client leaves its connection pool to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Using unstable operation:UserWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(params=["http", "https"])
async def call(request, tmp_path) -> AsyncIterator[Callable[..., Any]]:
    """Runs a function with an open client in a thread, as the client blocks: over plain HTTP, and over TLS."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "tls.pem"))
    server = Server(tmp_path / "telemetry")
    server._environment["TLS_CERTIFICATE"] = str(tmp_path / "tls.pem")
    await server.start()
    plain, tls = (tmp_path / "telemetry.ready").read_text().split()
    port = plain if request.param == "http" else tls
    configuration = datadog_api_client.Configuration(
        host=f"{request.param}://127.0.0.1:{port}", ssl_ca_cert=str(tmp_path / "ca.pem")
    )
    configuration.api_key = {"apiKeyAuth": "api", "appKeyAuth": "app"}
    for name in (
        "create_incident",
        "get_incident",
        "list_incidents",
        "update_incident",
        "search_incidents",
        "delete_incident",
        "create_incident_todo",
        "list_incident_todos",
    ):
        configuration.unstable_operations[name] = True

    async def run(work: Callable[[Any], Any]) -> Any:
        def in_thread() -> Any:
            with datadog_api_client.ApiClient(configuration) as client:
                return work(client)

        return await asyncio.to_thread(in_thread)

    yield run
    assert await server.stop() == 0


async def test_logs_are_submitted_searched_and_counted(call):
    from datadog_api_client.v2.api.logs_api import LogsApi
    from datadog_api_client.v2.model.content_encoding import ContentEncoding
    from datadog_api_client.v2.model.http_log import HTTPLog
    from datadog_api_client.v2.model.http_log_item import HTTPLogItem
    from datadog_api_client.v2.model.logs_aggregate_request import LogsAggregateRequest
    from datadog_api_client.v2.model.logs_aggregation_function import LogsAggregationFunction
    from datadog_api_client.v2.model.logs_compute import LogsCompute
    from datadog_api_client.v2.model.logs_group_by import LogsGroupBy
    from datadog_api_client.v2.model.logs_list_request import LogsListRequest
    from datadog_api_client.v2.model.logs_list_request_page import LogsListRequestPage
    from datadog_api_client.v2.model.logs_query_filter import LogsQueryFilter

    def work(client):
        api = LogsApi(client)
        items = [
            HTTPLogItem(
                ddsource="java", ddtags="kube_namespace:sock-shop", service="sock-shop-orders", message=f"line {n}"
            )
            for n in range(5)
        ]
        api.submit_log(HTTPLog(items), content_encoding=ContentEncoding.GZIP)
        query = LogsQueryFilter(query="service:sock-shop-orders line", _from="now-1h", to="now+1m")
        request = LogsListRequest(filter=query, page=LogsListRequestPage(limit=2))
        found = list(api.list_logs_with_pagination(body=request))
        now = datetime.now(UTC)
        got = api.list_logs_get(
            filter_query="line", filter_from=now - timedelta(hours=1), filter_to=now + timedelta(minutes=1)
        )
        counted = api.aggregate_logs(
            LogsAggregateRequest(
                compute=[LogsCompute(aggregation=LogsAggregationFunction.COUNT)],
                filter=query,
                group_by=[LogsGroupBy(facet="service")],
            )
        )
        return found, got, counted

    found, got, counted = await call(work)
    assert len(found) == 5
    assert found[0].attributes.service == "sock-shop-orders"
    assert isinstance(found[0].attributes.timestamp, datetime)
    assert len(got.data) == 5
    assert counted.data.buckets[0].by == {"service": "sock-shop-orders"}
    assert counted.to_dict()["data"]["buckets"][0]["computes"] == {"c0": 5}


async def test_metrics_are_submitted_and_queried(call):
    from datadog_api_client.v1.api.metrics_api import MetricsApi as MetricsV1
    from datadog_api_client.v2.api.metrics_api import MetricsApi
    from datadog_api_client.v2.model.formula_limit import FormulaLimit
    from datadog_api_client.v2.model.metric_intake_type import MetricIntakeType
    from datadog_api_client.v2.model.metric_payload import MetricPayload
    from datadog_api_client.v2.model.metric_point import MetricPoint
    from datadog_api_client.v2.model.metric_series import MetricSeries
    from datadog_api_client.v2.model.metrics_data_source import MetricsDataSource
    from datadog_api_client.v2.model.metrics_timeseries_query import MetricsTimeseriesQuery
    from datadog_api_client.v2.model.query_formula import QueryFormula
    from datadog_api_client.v2.model.timeseries_formula_query_request import TimeseriesFormulaQueryRequest
    from datadog_api_client.v2.model.timeseries_formula_request import TimeseriesFormulaRequest
    from datadog_api_client.v2.model.timeseries_formula_request_attributes import TimeseriesFormulaRequestAttributes
    from datadog_api_client.v2.model.timeseries_formula_request_queries import TimeseriesFormulaRequestQueries
    from datadog_api_client.v2.model.timeseries_formula_request_type import TimeseriesFormulaRequestType

    now_s = int(time.time())

    def work(client):
        api, first = MetricsApi(client), MetricsV1(client)
        point = MetricPoint(timestamp=now_s - 5, value=0.0)
        series = MetricSeries(metric="lab.replicas", type=MetricIntakeType.GAUGE, points=[point], tags=["a:b"])
        api.submit_metrics(body=MetricPayload(series=[series]))
        queried = first.query_metrics(_from=now_s - 600, to=now_s, query="avg:lab.replicas{a:b}")
        listed = first.list_active_metrics(_from=now_s - 600)
        described = first.get_metric_metadata("lab.replicas")
        tags = api.list_tags_by_metric_name("lab.replicas")
        attributes = TimeseriesFormulaRequestAttributes(
            _from=(now_s - 600) * 1000,
            to=now_s * 1000,
            formulas=[QueryFormula(formula="a", limit=FormulaLimit(count=10))],
            queries=TimeseriesFormulaRequestQueries(
                [MetricsTimeseriesQuery(data_source=MetricsDataSource.METRICS, name="a", query="avg:lab.replicas{*}")]
            ),
        )
        kind = TimeseriesFormulaRequestType.TIMESERIES_REQUEST
        body = TimeseriesFormulaQueryRequest(data=TimeseriesFormulaRequest(attributes=attributes, type=kind))
        return queried, listed, described, tags, api.query_timeseries_data(body=body)

    queried, listed, described, tags, formula = await call(work)
    assert [point.value[1] for point in queried.series[0].pointlist] == [0.0]
    assert listed.metrics == ["lab.replicas"]
    assert described.type == "gauge"
    assert tags.data.attributes.tags == ["a:b"]
    assert formula.to_dict()["data"]["attributes"]["values"] == [[0.0]]


async def test_events_containers_hosts_and_validation_answer(call):
    from datadog_api_client.v1.api.authentication_api import AuthenticationApi
    from datadog_api_client.v1.api.events_api import EventsApi as EventsV1
    from datadog_api_client.v1.api.hosts_api import HostsApi
    from datadog_api_client.v1.model.event_create_request import EventCreateRequest
    from datadog_api_client.v2.api.containers_api import ContainersApi
    from datadog_api_client.v2.api.events_api import EventsApi
    from datadog_api_client.v2.model.events_list_request import EventsListRequest
    from datadog_api_client.v2.model.events_query_filter import EventsQueryFilter

    now_s = int(time.time())

    def work(client):
        made = EventsV1(client).create_event(
            EventCreateRequest(title="t", text="Scaled down", tags=["kube_namespace:sock-shop"])
        )
        listed = EventsV1(client).list_events(start=now_s - 60, end=now_s + 60)
        asked = EventsQueryFilter(query='kube_namespace:sock-shop "Scaled down"', _from="now-1h", to="now+1m")
        searched = list(EventsApi(client).search_events_with_pagination(body=EventsListRequest(filter=asked)))
        containers = ContainersApi(client).list_containers(filter_tags="kube_namespace:sock-shop")
        hosts = HostsApi(client).list_hosts()
        valid = AuthenticationApi(client).validate()
        return made, listed, searched, containers, hosts, valid

    made, listed, searched, containers, hosts, valid = await call(work)
    assert listed.events[0].id == made.event.id
    assert searched[0].attributes.attributes.title == "t"
    assert containers.data == []
    assert hosts.total_matching == 0
    assert valid.valid


async def test_pipelines_monitors_and_incidents_are_kept(call):
    from datadog_api_client.exceptions import ForbiddenException, NotFoundException
    from datadog_api_client.v1.api.logs_pipelines_api import LogsPipelinesApi
    from datadog_api_client.v1.api.monitors_api import MonitorsApi
    from datadog_api_client.v1.model.logs_filter import LogsFilter
    from datadog_api_client.v1.model.logs_pipeline import LogsPipeline
    from datadog_api_client.v1.model.logs_status_remapper import LogsStatusRemapper
    from datadog_api_client.v1.model.logs_status_remapper_type import LogsStatusRemapperType
    from datadog_api_client.v1.model.monitor import Monitor
    from datadog_api_client.v1.model.monitor_type import MonitorType
    from datadog_api_client.v2.api.incidents_api import IncidentsApi
    from datadog_api_client.v2.model.incident_create_attributes import IncidentCreateAttributes
    from datadog_api_client.v2.model.incident_create_data import IncidentCreateData
    from datadog_api_client.v2.model.incident_create_request import IncidentCreateRequest
    from datadog_api_client.v2.model.incident_type import IncidentType

    def work(client):
        remapper = LogsStatusRemapper(sources=["level"], type=LogsStatusRemapperType.STATUS_REMAPPER, is_enabled=True)
        pipelines = LogsPipelinesApi(client)
        pipeline = pipelines.create_logs_pipeline(
            LogsPipeline(name="levels", filter=LogsFilter(query="service:a"), is_enabled=True, processors=[remapper])
        )
        monitors = MonitorsApi(client)
        query = "avg(last_5m):avg:lab.replicas{*} by {a} < 1"
        monitor = monitors.create_monitor(Monitor(name="m", type=MonitorType.METRIC_ALERT, query=query))
        found = monitors.search_monitors(query="m")
        incidents = IncidentsApi(client)
        attributes = IncidentCreateAttributes(title="Orders fail", customer_impacted=True)
        body = IncidentCreateRequest(data=IncidentCreateData(attributes=attributes, type=IncidentType.INCIDENTS))
        incident = incidents.create_incident(body=body)
        searched = list(incidents.search_incidents_with_pagination(query="state:active"))
        with pytest.raises(NotFoundException):
            monitors.get_monitor(5)
        assert monitors.get_monitor(monitor.id, group_states="all").query == query
        assert pipelines.get_logs_pipeline(pipeline.id).name == "levels"
        client.configuration.api_key["apiKeyAuth"] = "wrong"
        with pytest.raises(ForbiddenException):
            monitors.list_monitors()
        client.configuration.api_key["apiKeyAuth"] = "api"
        return monitor, found, incident, searched

    monitor, found, incident, searched = await call(work)
    assert found.monitors[0].id == monitor.id
    assert searched[0].data.id == incident.data.id


async def test_spans_checks_downtimes_and_impacts_are_typed(call):
    from datadog_api_client.exceptions import ApiException
    from datadog_api_client.v1.api.monitors_api import MonitorsApi
    from datadog_api_client.v1.api.service_checks_api import ServiceChecksApi
    from datadog_api_client.v1.model.monitor import Monitor
    from datadog_api_client.v1.model.monitor_type import MonitorType
    from datadog_api_client.v1.model.service_check import ServiceCheck
    from datadog_api_client.v1.model.service_check_status import ServiceCheckStatus
    from datadog_api_client.v1.model.service_checks import ServiceChecks
    from datadog_api_client.v2.api.downtimes_api import DowntimesApi
    from datadog_api_client.v2.api.incidents_api import IncidentsApi
    from datadog_api_client.v2.api.logs_api import LogsApi
    from datadog_api_client.v2.api.spans_api import SpansApi
    from datadog_api_client.v2.model.downtime_create_request import DowntimeCreateRequest
    from datadog_api_client.v2.model.downtime_create_request_attributes import DowntimeCreateRequestAttributes
    from datadog_api_client.v2.model.downtime_create_request_data import DowntimeCreateRequestData
    from datadog_api_client.v2.model.downtime_monitor_identifier_id import DowntimeMonitorIdentifierId
    from datadog_api_client.v2.model.downtime_resource_type import DowntimeResourceType
    from datadog_api_client.v2.model.incident_create_attributes import IncidentCreateAttributes
    from datadog_api_client.v2.model.incident_create_data import IncidentCreateData
    from datadog_api_client.v2.model.incident_create_request import IncidentCreateRequest
    from datadog_api_client.v2.model.incident_impact_create_attributes import IncidentImpactCreateAttributes
    from datadog_api_client.v2.model.incident_impact_create_data import IncidentImpactCreateData
    from datadog_api_client.v2.model.incident_impact_create_request import IncidentImpactCreateRequest
    from datadog_api_client.v2.model.incident_impact_type import IncidentImpactType
    from datadog_api_client.v2.model.incident_type import IncidentType
    from datadog_api_client.v2.model.spans_list_request import SpansListRequest
    from datadog_api_client.v2.model.spans_list_request_attributes import SpansListRequestAttributes
    from datadog_api_client.v2.model.spans_list_request_data import SpansListRequestData
    from datadog_api_client.v2.model.spans_list_request_type import SpansListRequestType
    from datadog_api_client.v2.model.spans_query_filter import SpansQueryFilter

    def work(client):
        check = ServiceCheck(check="app.ok", host_name="n", status=ServiceCheckStatus.OK, tags=["a:b"])
        ServiceChecksApi(client).submit_service_check(body=ServiceChecks([check]))
        asked = SpansListRequestAttributes(filter=SpansQueryFilter(query="*", _from="now-15m", to="now"))
        data = SpansListRequestData(attributes=asked, type=SpansListRequestType.SEARCH_REQUEST)
        spans = SpansApi(client).list_spans(body=SpansListRequest(data=data))
        monitor = MonitorsApi(client).create_monitor(
            Monitor(name="m", type=MonitorType.METRIC_ALERT, query="avg(last_5m):avg:lab.x{*} < 1")
        )
        attributes = DowntimeCreateRequestAttributes(
            scope="*", monitor_identifier=DowntimeMonitorIdentifierId(monitor_id=monitor.id)
        )
        body = DowntimeCreateRequestData(attributes=attributes, type=DowntimeResourceType.DOWNTIME)
        downtimes = DowntimesApi(client)
        downtime = downtimes.create_downtime(body=DowntimeCreateRequest(data=body))
        matches = downtimes.list_monitor_downtimes(monitor.id)
        listed = list(downtimes.list_downtimes_with_pagination())
        downtimes.cancel_downtime(downtime.data.id)
        incidents = IncidentsApi(client)
        declared = IncidentCreateAttributes(title="Orders fail", customer_impacted=False)
        new = IncidentCreateData(attributes=declared, type=IncidentType.INCIDENTS)
        incident = incidents.create_incident(body=IncidentCreateRequest(data=new)).data
        impact = IncidentImpactCreateAttributes(description="no orders", start_at=datetime.now(UTC))
        made = incidents.create_incident_impact(
            incident.id,
            body=IncidentImpactCreateRequest(
                data=IncidentImpactCreateData(attributes=impact, type=IncidentImpactType.INCIDENT_IMPACTS)
            ),
        )
        impacts = incidents.list_incident_impacts(incident.id)
        with pytest.raises(ApiException) as refused:
            LogsApi(client).list_logs_get(filter_query="service:(")
        return spans, downtime, matches, listed, made, impacts, refused.value

    spans, downtime, matches, listed, made, impacts, refused = await call(work)
    assert spans.data == []
    assert downtime.data.attributes.status.value == "active"
    assert matches.data[0].id == listed[0].id == downtime.data.id
    assert impacts.data[0].id == made.data.id
    assert (refused.status, "column" in refused.body["errors"][0]) == (400, True)


async def test_dashboards_notebooks_and_slos_are_kept(call):
    import datadog_api_client.v1.models as m
    from datadog_api_client.v1.api.dashboards_api import DashboardsApi
    from datadog_api_client.v1.api.notebooks_api import NotebooksApi
    from datadog_api_client.v1.api.service_level_objectives_api import ServiceLevelObjectivesApi

    def note(text):
        return m.Widget(definition=m.NoteWidgetDefinition(type=m.NoteWidgetDefinitionType("note"), content=text))

    def work(client):
        dashboards, notebooks, slos = DashboardsApi(client), NotebooksApi(client), ServiceLevelObjectivesApi(client)
        made = dashboards.create_dashboard(
            body=m.Dashboard(layout_type=m.DashboardLayoutType("ordered"), title="Orders", widgets=[note("runbook")])
        )
        definition = m.NotebookMarkdownCellDefinition(text="# x", type=m.NotebookMarkdownCellDefinitionType("markdown"))
        cell = m.NotebookCellCreateRequest(
            type=m.NotebookCellResourceType("notebook_cells"),
            attributes=m.NotebookMarkdownCellAttributes(definition=definition),
        )
        attributes = m.NotebookCreateDataAttributes(
            name="Incident 3", cells=[cell], time=m.NotebookRelativeTime(live_span=m.WidgetLiveSpan("1h"))
        )
        data = m.NotebookCreateData(type=m.NotebookResourceType("notebooks"), attributes=attributes)
        written = notebooks.create_notebook(body=m.NotebookCreateRequest(data=data))
        slo = m.ServiceLevelObjectiveRequest(
            type=m.SLOType("metric"),
            name="Orders are paid",
            thresholds=[m.SLOThreshold(target=95.0, timeframe=m.SLOTimeframe("7d"))],
            query=m.ServiceLevelObjectiveQuery(numerator="sum:paid{*}", denominator="sum:placed{*}"),
        )
        identity = slos.create_slo(body=slo).data[0].id
        now_s = int(time.time())
        return (
            dashboards.get_dashboard(made.id),
            dashboards.list_dashboards(),
            notebooks.get_notebook(written.data.id),
            slos.get_slo(identity),
            slos.search_slo(query="paid"),
            slos.get_slo_history(identity, from_ts=now_s - 3600, to_ts=now_s),
        )

    dashboard, listed, notebook, slo, found, past = await call(work)
    assert dashboard.widgets[0].definition.content == "runbook"
    assert isinstance(listed.dashboards[0].created_at, datetime)
    assert notebook.data.attributes.cells[0].attributes.definition.text == "# x"
    assert slo.data.thresholds[0].target == 95.0
    assert found.data.attributes.slos[0].data.id == slo.data.id
    assert past.data.overall.sli_value is None
