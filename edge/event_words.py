"""Events in plain words, English and Chinese: what each code and topic means."""

from __future__ import annotations

from edge.events import Code, Lane, Origin, Qualifier, Topic
from edge.languages import Text

CODES: dict[Code, Text] = {
    Code.SILENT_PANIC: Text("ALARM (silent)", "报警（静默）"),
    Code.AUDIBLE_PANIC: Text("ALARM (siren)", "报警（警笛）"),
    Code.SYSTEM_TROUBLE: Text("trouble of the system", "系统故障"),
    Code.RESTART: Text("start of the daemon", "主程序启动"),
    Code.CONFIGURATION_CHANGED: Text("settings", "设置"),
    Code.SHUTDOWN: Text("orderly end of the daemon", "主程序正常结束"),
    Code.COMMUNICATION_TROUBLE: Text("trouble of the line", "通信故障"),
    Code.PRIMARY_LINE: Text("line to a broker", "消息服务器线路"),
    Code.SECONDARY_LINE: Text("second line", "备用线路"),
    Code.FAILURE_TO_COMMUNICATE: Text("alarm not confirmed", "警情未确认"),
    Code.CENTRE_LOST: Text("county centre not listening", "县指挥中心未接收"),
    Code.LOOP_OPEN: Text("button cable cut", "按钮线路断开"),
    Code.LOOP_SHORT: Text("button cable shorted", "按钮线路短路"),
    Code.PANIC_ZONE_TROUBLE: Text("trouble of the button", "按钮故障"),
    Code.SENSOR_TROUBLE: Text("trouble of the temperature kiosk", "测温设备故障"),
    Code.PANIC_RESET: Text("alarm ended", "警情解除"),
    Code.MANUAL_TEST: Text("test, asked for", "人工发起的测试"),
    Code.PERIODIC_TEST: Text("test by schedule", "定期测试"),
    Code.WALK_TEST: Text("test window or drill", "测试窗口或演练"),
    Code.PERIODIC_TEST_TROUBLE: Text("test while a trouble stood", "带故障的定期测试"),
    Code.POINT_NOT_TESTED: Text("not tested", "未测试"),
    Code.LOG_OVERFLOW: Text("old events dropped", "旧事件被丢弃"),
    Code.CLOCK_SET: Text("clock set", "时钟已校准"),
    Code.CLOCK_INACCURATE: Text("clock not set", "时钟不准"),
    Code.TEMPERATURE_SCREENED: Text("student screened", "学生测温"),
    Code.STUDENT_FLOW: Text("students counted", "学生流量"),
    Code.ALARM_PICTURE: Text("picture of an alarm", "警情照片"),
    Code.PERSONAL_FORGOTTEN: Text("temperatures and pictures deleted", "已删除体温与照片"),
}

TOPICS: dict[Topic, Text] = {
    Topic.ALARM: Text("alarm", "警情"),
    Topic.SELF_TEST: Text("self-test", "自检"),
    Topic.TROUBLE: Text("trouble", "故障"),
    Topic.TEMPERATURE: Text("temperature", "体温"),
    Topic.PICTURE: Text("picture", "照片"),
    Topic.FLOW: Text("flow", "流量"),
    Topic.LOG: Text("log", "记录"),
}

QUALIFIERS: dict[Qualifier, Text] = {
    Qualifier.NEW: Text("new", "新"),
    Qualifier.RESTORE: Text("over", "恢复"),
    Qualifier.STATUS: Text("status", "状态"),
}

LANES: dict[Lane, Text] = {
    Lane.ALARM: Text("alarms", "警情"),
    Lane.TROUBLE: Text("troubles and log", "故障与记录"),
    Lane.ROUTINE: Text("routine", "日常"),
}

ORIGINS: dict[Origin, Text] = {
    Origin.PERSON: Text("", ""),
    Origin.SELF_TEST: Text("TEST", "测试"),
    Origin.DRILL: Text("DRILL", "演练"),
}
"""What stands in front of what a test or a drill made, so that nobody takes it for real."""
