// The dashboard's files, compiled into the binary (Package.swift embeds them), so that the page needs neither a folder beside it nor another
// origin. They hold no data, so they are served without a token: the page then asks for one.

import GatewayModel
import Hashing

/// One file of the page.
struct DashboardAsset {
    /// Its path.
    let path: String
    let contentType: StaticString
    let body: [UInt8]
    /// A strong entity tag: of the content, so that it changes with the binary and not with a restart.
    let tag: String

    init(_ path: String, _ contentType: StaticString, _ body: [UInt8]) {
        self.path = path
        self.contentType = contentType
        self.body = body
        tag = "\"\(SHA256.digest(of: body.span).hex.prefix(32))\""
    }

    private static let html: StaticString = "text/html; charset=utf-8"
    private static let css: StaticString = "text/css; charset=utf-8"
    private static let script: StaticString = "text/javascript; charset=utf-8"

    /// All of them.
    static let all = [
        DashboardAsset("/", html, PackageResources.index_html),
        DashboardAsset("/dashboard.css", css, PackageResources.dashboard_css),
        DashboardAsset("/views.css", css, PackageResources.views_css),
        DashboardAsset("/icon.svg", "image/svg+xml", PackageResources.icon_svg),
        DashboardAsset("/api.js", script, PackageResources.api_js),
        DashboardAsset("/breakdown.js", script, PackageResources.breakdown_js),
        DashboardAsset("/cache.js", script, PackageResources.cache_js),
        DashboardAsset("/chart.js", script, PackageResources.chart_js),
        DashboardAsset("/dialogs.js", script, PackageResources.dialogs_js),
        DashboardAsset("/dom.js", script, PackageResources.dom_js),
        DashboardAsset("/figures.js", script, PackageResources.figures_js),
        DashboardAsset("/format.js", script, PackageResources.format_js),
        DashboardAsset("/health.js", script, PackageResources.health_js),
        DashboardAsset("/log-detail.js", script, PackageResources.log_detail_js),
        DashboardAsset("/log-filters.js", script, PackageResources.log_filters_js),
        DashboardAsset("/log.js", script, PackageResources.log_js),
        DashboardAsset("/login.js", script, PackageResources.login_js),
        DashboardAsset("/main.js", script, PackageResources.main_js),
        DashboardAsset("/overview-charts.js", script, PackageResources.overview_charts_js),
        DashboardAsset("/overview.js", script, PackageResources.overview_js),
        DashboardAsset("/panels.js", script, PackageResources.panels_js),
        DashboardAsset("/plot.js", script, PackageResources.plot_js),
        DashboardAsset("/scale.js", script, PackageResources.scale_js),
        DashboardAsset("/semantic.js", script, PackageResources.semantic_js),
        DashboardAsset("/state.js", script, PackageResources.state_js),
        DashboardAsset("/targets.js", script, PackageResources.targets_js),
        DashboardAsset("/tenants.js", script, PackageResources.tenants_js),
        DashboardAsset("/theme.js", script, PackageResources.theme_js),
        DashboardAsset("/toolbar.js", script, PackageResources.toolbar_js),
    ]

    /// The routes that serve them.
    static var routes: [AdminRoute] {
        all.map { asset in
            AdminRoute("GET", asset.path, .anyone, "A file of the dashboard.") { request, done in
                done(asset.response(ifNoneMatch: request.ifNoneMatch))
            }
        }
    }

    /// 304 where the browser has it already. A browser asks every time, so that a new binary's page is never mixed with an old one's.
    func response(ifNoneMatch: String?) -> AdminResponse {
        let fields: [(name: StaticString, value: String)] = [("cache-control", "no-cache"), ("etag", tag)]
        let isKnown = ifNoneMatch.map { $0 == "*" || $0.contains(tag) } ?? false
        return AdminResponse(status: isKnown ? 304 : 200, contentType: contentType, body: isKnown ? [] : body, fields: fields)
    }
}
