package fault

import "strings"

// words is what an end user reads about a code.
type words struct{ title, detail string }

// wordsOf returns the words of a language, those of English for a language that has none.
func wordsOf(lang string) map[Code]words {
	if isChinese(lang) {
		return chinese
	}
	return english
}

func isChinese(lang string) bool {
	base, _, _ := strings.Cut(strings.ReplaceAll(lang, "_", "-"), "-")
	return strings.EqualFold(base, "zh")
}

// reasonModule is the reason of an Unavailable fault that no later try mends: what is asked for is not part of the program.
const reasonModule = "module"

// absent are the words for it.
func absent(lang string) words {
	if isChinese(lang) {
		return words{"未安装", "此处未安装该功能。"}
	}
	return words{"Not installed", "This part is not installed here."}
}

var english = map[Code]words{
	NotFound:      {"Not found", "This record does not exist, or you may not see it."},
	Invalid:       {"Input not valid", "Please check the fields that are marked and try again."},
	Conflict:      {"Somebody was faster", "This was changed or taken meanwhile. Please load it again and repeat your change."},
	Denied:        {"Not allowed", "You do not have the right to do this."},
	NoConsent:     {"Consent missing", "This person has not agreed to it, so it was not done."},
	Gate:          {"A condition is not met", "The step was refused because a condition for it is not met."},
	Retryable:     {"Please try again", "The system was busy. Nothing was changed; please try again."},
	CommitUnknown: {"Outcome not known", "The connection was lost while saving. Please check whether your change is there before you repeat it."},
	Unavailable:   {"Not available right now", "Part of the system does not answer. Please try again later."},
	LimitExceeded: {"Too much at once", "This is more than the system accepts at once. Please try less."},
	Internal:      {"Something went wrong", "This is a fault on our side. Please try again later."},
}

var chinese = map[Code]words{
	NotFound:      {"未找到", "该记录不存在，或您无权查看。"},
	Invalid:       {"输入无效", "请检查标出的字段后重试。"},
	Conflict:      {"内容已被他人更改", "该内容已被更改或占用。请重新加载后再次修改。"},
	Denied:        {"无权操作", "您没有执行此操作的权限。"},
	NoConsent:     {"缺少同意", "此人尚未同意，因此未执行该操作。"},
	Gate:          {"条件未满足", "该步骤的条件未满足，因此被拒绝。"},
	Retryable:     {"请重试", "系统繁忙，未作任何更改，请重试。"},
	CommitUnknown: {"结果未知", "保存时连接中断。请先确认更改是否已生效，再决定是否重试。"},
	Unavailable:   {"暂时不可用", "系统的一部分没有响应，请稍后重试。"},
	LimitExceeded: {"超出限制", "超出了系统一次可接受的范围，请减少后重试。"},
	Internal:      {"出现错误", "这是我们这边的故障，请稍后重试。"},
}
